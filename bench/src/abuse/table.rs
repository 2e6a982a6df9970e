//! The printed results.

use std::time::Duration;

use super::{AbuseArguments, attacks::Attack, honest::Measured};
use crate::report::quantile;

/// The honest user's 99th percentile may be this many times as long.
const MAX_RATIO: f64 = 3.0;
/// And this much longer.
const MAX_EXTRA: Duration = Duration::from_millis(50);
/// The memory of all parts together may grow by this, in KiB.
const MAX_GROWTH: u64 = 32 * 1024;
/// And by this for each stream that is kept open, in KiB: what HTTP/2 and a call need without the bytes of the answer.
const MAX_STREAM_GROWTH: u64 = 10;

/// One kind of abuse.
pub(super) struct Row {
    pub(super) attack: Attack,
    pub(super) without: Measured,
    pub(super) with: Measured,
    /// How many of the attackers' calls were answered, with or without success.
    pub(super) answers: u64,
    /// How much memory the stack took more than before the first attack, in KiB.
    pub(super) growth: u64,
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
pub(super) fn print_head(arguments: &AbuseArguments) {
    println!(
        "{} pairs of {} s without and {} s with each kind of abuse\n",
        arguments.pairs, arguments.seconds, arguments.seconds
    );
    println!(
        "| abuse | honest calls | errors without, with | p50 ms without, with | p99 ms without, with | ratio of p99 | attackers' answers | memory, more MiB |\n|---|---|---|---|---|---|---|---|"
    );
}

#[expect(clippy::print_stdout, reason = "the goals belong to the table")]
pub(super) fn print_goals() {
    println!(
        "\ngoals: no error, p99 at most {MAX_RATIO} times as long and at most {MAX_EXTRA:?} longer, at most {} MiB more and {MAX_STREAM_GROWTH} KiB for each open stream",
        MAX_GROWTH / 1024
    );
}

impl Row {
    #[expect(clippy::print_stdout, reason = "a row of the table")]
    pub(super) fn print(&self) {
        let ms = |measured: &Measured, permille| {
            quantile(&measured.sorted(), permille).as_secs_f64() * 1e3
        };
        println!(
            "| {} | {} | {}, {} | {:.1}, {:.1} | {:.1}, {:.1} | {:.2} | {} | {:.1} |",
            self.attack.title(),
            self.with.calls(),
            self.without.errors(),
            self.with.errors(),
            ms(&self.without, 500),
            ms(&self.with, 500),
            ms(&self.without, 990),
            ms(&self.with, 990),
            self.ratio(),
            self.answers,
            kib_to_mib(self.growth),
        );
    }

    #[expect(clippy::print_stdout, reason = "the errors belong to the table")]
    pub(super) fn print_refusals(&self) {
        for (refusal, count) in self.with.refusals().chain(self.without.refusals()) {
            println!("- {}: {count} × {refusal}", self.attack.title());
        }
    }

    pub(super) fn meets_the_goals(&self) -> bool {
        let (without, with) = self.p99();
        self.with.errors() + self.without.errors() == 0
            && self.ratio() <= MAX_RATIO
            && with <= without + MAX_EXTRA
            && self.growth <= MAX_GROWTH + MAX_STREAM_GROWTH * self.attack.open_streams()
    }

    fn ratio(&self) -> f64 {
        let (without, with) = self.p99();
        with.as_secs_f64() / without.as_secs_f64()
    }

    fn p99(&self) -> (Duration, Duration) {
        (
            quantile(&self.without.sorted(), 990),
            quantile(&self.with.sorted(), 990),
        )
    }
}

fn kib_to_mib(kib: u64) -> f64 {
    u32::try_from(kib).map_or(f64::MAX, f64::from) / 1024.0
}
