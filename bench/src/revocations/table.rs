//! What was measured, and whether it is good enough.

use std::{collections::BTreeMap, time::Duration};

use super::{Refused, cause::Cause};
use crate::report::quantile;

/// The declared bounds (docs/security.md).
const P99: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_millis(500);

/// One token's end.
#[derive(Debug)]
pub(super) struct Round {
    /// At the replica that follows the one which ended the token.
    pub(super) near: Refused,
    /// At the other.
    pub(super) far: Refused,
}

/// Printed as it grows.
#[derive(Debug)]
pub(super) struct Table {
    good: bool,
}

impl Table {
    #[expect(clippy::print_stdout, reason = "the table is what this program is for")]
    pub(super) fn begin() -> Self {
        println!(
            "| what ended the token | rounds | p50 ms | p99 ms | max ms | p99 ms near | p99 ms far | reasons |\n\
             |---|---|---|---|---|---|---|---|"
        );
        Self { good: true }
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
        let right = reasons.keys().all(|reason| cause.is_told_by(reason));
        let good = right && quantile(&later, 990) <= P99 && quantile(&later, 1000) <= LONGEST;
        self.good &= good;
        let ms = |measured: &[Duration], at| quantile(measured, at).as_secs_f64() * 1e3;
        println!(
            "| {}{} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {} |",
            cause.name(),
            if good { "" } else { " (**missed**)" },
            later.len(),
            ms(&later, 500),
            ms(&later, 990),
            ms(&later, 1000),
            ms(&near, 990),
            ms(&far, 990),
            told(&reasons),
        );
    }

    /// Whether every row was good.
    #[expect(clippy::print_stdout, reason = "the last line of the table")]
    pub(super) fn end(self) -> bool {
        let verdict = if self.good { "met" } else { "missed" };
        println!("\np99 ≤ {P99:?}, max ≤ {LONGEST:?}, the right reason: {verdict}");
        self.good
    }
}

fn told(reasons: &BTreeMap<String, usize>) -> String {
    let each = reasons
        .iter()
        .map(|(reason, count)| format!("{count} × {reason}"));
    each.collect::<Vec<_>>().join(", ")
}
