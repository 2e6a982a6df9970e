//! The table of results, and whether they meet the goals.

use std::{collections::BTreeMap, time::Duration};

use super::{FirstRefusal, cause::Cause};
use crate::report::quantile;

/// The documented bounds (docs/security.md).
const P99_GOAL: Duration = Duration::from_millis(100);
const MAX_GOAL: Duration = Duration::from_millis(500);

/// The result of one round.
#[derive(Debug)]
pub(super) struct Round {
    /// At the task replica that follows the auth replica which ended the token.
    pub(super) near: FirstRefusal,
    /// At the other task replica.
    pub(super) far: FirstRefusal,
}

/// It is printed row by row.
#[derive(Debug)]
pub(super) struct Table {
    met: bool,
}

impl Table {
    #[expect(clippy::print_stdout, reason = "the table is what this program is for")]
    pub(super) fn begin() -> Self {
        println!(
            "| what ended the token | rounds | p50 ms | p99 ms | max ms | p99 ms near | p99 ms far | reasons |\n\
             |---|---|---|---|---|---|---|---|"
        );
        Self { met: true }
    }

    #[expect(clippy::print_stdout, reason = "a row of the table")]
    pub(super) fn row(&mut self, cause: Cause, rounds: Vec<Round>) {
        let mut reasons = BTreeMap::<String, usize>::new();
        let (mut later, mut near, mut far) = (Vec::new(), Vec::new(), Vec::new());
        for round in rounds {
            later.push(round.near.after.max(round.far.after));
            near.push(round.near.after);
            far.push(round.far.after);
            for reason in [round.near.reason, round.far.reason] {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        for measured in [&mut later, &mut near, &mut far] {
            measured.sort_unstable();
        }
        if later.is_empty() {
            return;
        }
        let right = reasons.keys().all(|reason| cause.allows(reason));
        let met = right && quantile(&later, 990) <= P99_GOAL && quantile(&later, 1000) <= MAX_GOAL;
        self.met &= met;
        let ms = |measured: &[Duration], at| quantile(measured, at).as_secs_f64() * 1e3;
        println!(
            "| {}{} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {} |",
            cause.name(),
            if met { "" } else { " (**missed**)" },
            later.len(),
            ms(&later, 500),
            ms(&later, 990),
            ms(&later, 1000),
            ms(&near, 990),
            ms(&far, 990),
            list(&reasons),
        );
    }

    /// Prints the result. Returns whether every row met the goals.
    #[expect(clippy::print_stdout, reason = "the last line of the table")]
    pub(super) fn end(self) -> bool {
        let verdict = if self.met { "met" } else { "missed" };
        println!("\np99 ≤ {P99_GOAL:?}, max ≤ {MAX_GOAL:?}, the right reason: {verdict}");
        self.met
    }
}

fn list(reasons: &BTreeMap<String, usize>) -> String {
    let each = reasons
        .iter()
        .map(|(reason, count)| format!("{count} × {reason}"));
    each.collect::<Vec<_>>().join(", ")
}
