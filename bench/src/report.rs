//! The counts and latencies of a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tonic::Status;

/// The results of a run, by method.
#[derive(Debug, Default)]
pub(crate) struct LoadReport {
    latencies: BTreeMap<&'static str, Vec<Duration>>,
    refusals: BTreeMap<String, usize>,
    tokens: usize,
    keys: BTreeSet<String>,
}

impl LoadReport {
    /// Records one call.
    pub(crate) fn record(
        &mut self,
        method: &'static str,
        took: Duration,
        result: Result<(), Status>,
    ) {
        match result {
            Ok(()) => self.latencies.entry(method).or_default().push(took),
            Err(status) => {
                let refusal = format!("{method}: {:?} {}", status.code(), status.message());
                *self.refusals.entry(refusal).or_default() += 1;
            }
        }
    }

    /// Records a token that was used, by the key that signed it.
    pub(crate) fn record_token(&mut self, kid: String) {
        self.tokens += 1;
        self.keys.insert(kid);
    }

    /// Adds the results of another caller.
    pub(crate) fn add(&mut self, other: Self) {
        for (method, mut latencies) in other.latencies {
            self.latencies
                .entry(method)
                .or_default()
                .append(&mut latencies);
        }
        for (refusal, count) in other.refusals {
            *self.refusals.entry(refusal).or_default() += count;
        }
        self.tokens += other.tokens;
        self.keys.extend(other.keys);
    }

    /// How many calls did not succeed.
    pub(crate) fn errors(&self) -> usize {
        self.refusals.values().sum()
    }

    /// Prints the results as a table.
    #[expect(clippy::print_stdout, reason = "the table is what this program is for")]
    pub(crate) fn print(&mut self, callers: usize, ran: Duration) {
        println!("{callers} concurrent callers for {} s\n", ran.as_secs());
        println!(
            "| method | calls | per second | p50 ms | p95 ms | p99 ms | max ms |\n|---|---|---|---|---|---|---|"
        );
        let mut all = Vec::new();
        for (method, latencies) in &mut self.latencies {
            row(method, latencies, ran);
            all.extend_from_slice(latencies);
        }
        row("all", &mut all, ran);
        let (tokens, keys) = (self.tokens, self.keys.len());
        println!("\ntokens: {tokens}, signed by {keys} keys");
        println!("errors: {}", self.errors());
        for (refusal, count) in &self.refusals {
            println!("  {count} × {refusal}");
        }
    }
}

#[expect(clippy::print_stdout, reason = "a row of the table")]
fn row(method: &str, latencies: &mut [Duration], ran: Duration) {
    latencies.sort_unstable();
    let count = latencies.len();
    if count == 0 {
        return;
    }
    let at = |permille| quantile(latencies, permille).as_secs_f64() * 1e3;
    let rate = count as u64 / ran.as_secs().max(1);
    println!(
        "| {method} | {count} | {rate} | {:.2} | {:.2} | {:.2} | {:.2} |",
        at(500),
        at(950),
        at(990),
        at(1000)
    );
}

/// The duration that this many thousandths of the measured durations do not exceed. `sorted` must not be empty.
pub(crate) fn quantile(sorted: &[Duration], permille: usize) -> Duration {
    let count = sorted.len();
    sorted[((count * permille) / 1000).min(count - 1)]
}
