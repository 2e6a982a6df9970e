//! Which calls are traced. One header and one random number decide it, before any span is built.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use opentelemetry::trace::{SpanId, TraceId};
use tokio::time::Instant;

use super::traceparent::TraceParent;

/// The step of splitmix64 (Steele, Lea, Flood 2014): an odd number near 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

pub(super) struct Sampling {
    ratio: f64,
    random: AtomicU64,
    asked: Bucket,
}

impl Sampling {
    /// Traces this share of the calls that do not belong to a trace yet, and at most `asked_per_second` calls whose untrusted
    /// caller asks for it.
    pub(super) fn new(ratio: f64, asked_per_second: u32) -> Self {
        let mut seed = [0; 8];
        aws_lc_rs::rand::fill(&mut seed).expect("the operating system gives random bytes");
        Self {
            ratio,
            random: AtomicU64::new(u64::from_ne_bytes(seed)),
            asked: Bucket::new(asked_per_second),
        }
    }

    /// Whether calls are traced that no caller asked to trace.
    pub(super) fn is_on(&self) -> bool {
        self.ratio > 0.0
    }

    /// Whether a call is traced. `asked` is the caller's sampled flag, if it sent one. A call that the caller does not record is
    /// not recorded here either. A caller that asks too often is treated as one that sent no flag.
    pub(super) fn decide(
        &self,
        asked: Option<bool>,
        trusted: impl FnOnce() -> bool,
        now: impl FnOnce() -> Instant,
    ) -> bool {
        match asked {
            Some(false) => false,
            Some(true) if trusted() || self.asked.take(now()) => true,
            Some(true) | None => self.chance(),
        }
    }

    /// The trace context of a call that is not traced: its id distinguishes the log lines of this call from others.
    pub(super) fn untraced(&self) -> TraceParent {
        let trace_id = u128::from(self.next()) << 64 | u128::from(self.next()) | 1;
        TraceParent {
            trace_id: TraceId::from_bytes(trace_id.to_be_bytes()),
            span_id: SpanId::from_bytes((self.next() | 1).to_be_bytes()),
            sampled: false,
        }
    }

    fn chance(&self) -> bool {
        // 53 bits are the most that a float holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "53 bits lose none")]
        let number = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        number < self.ratio
    }

    /// splitmix64: the numbers must be spread evenly, and need not be secret.
    fn next(&self) -> u64 {
        let mut x = self.random.fetch_add(STEP, Ordering::Relaxed);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}

/// A token bucket: the same number a second and at once.
struct Bucket {
    start: Instant,
    /// Nanoseconds between two tokens; none if the rate is zero.
    interval: Option<u64>,
    /// When the bucket is full again, in nanoseconds after the start.
    full_at: AtomicU64,
}

impl Bucket {
    const SECOND: u64 = 1_000_000_000;

    fn new(per_second: u32) -> Self {
        Self {
            start: Instant::now(),
            interval: Self::SECOND.checked_div(u64::from(per_second)),
            full_at: AtomicU64::new(0),
        }
    }

    fn take(&self, now: Instant) -> bool {
        let Some(interval) = self.interval else {
            return false;
        };
        let now = nanoseconds(now.saturating_duration_since(self.start));
        let taken = |full_at: u64| {
            let next = full_at.max(now) + interval;
            (next - now <= Self::SECOND).then_some(next)
        };
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        self.full_at.fetch_update(set, get, taken).is_ok()
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIES: usize = 100_000;

    fn traced(sampling: &Sampling, asked: Option<bool>, trusted: bool) -> usize {
        let now = Instant::now();
        let tries = (0..TRIES).filter(|_| sampling.decide(asked, || trusted, || now));
        tries.count()
    }

    #[test]
    fn the_share_of_calls_is_the_ratio() {
        let of = |ratio| traced(&Sampling::new(ratio, 0), None, false);
        assert_eq!(of(0.0), 0);
        assert_eq!(of(1.0), TRIES);
        // Ten standard deviations on either side.
        let (some, most) = (of(0.01), of(0.9));
        assert!((685..=1315).contains(&some), "{some}");
        assert!((89_000..=91_000).contains(&most), "{most}");
    }

    #[test]
    fn a_call_that_the_caller_does_not_record_is_not_recorded() {
        assert_eq!(traced(&Sampling::new(1.0, 100), Some(false), true), 0);
    }

    #[test]
    fn only_the_flag_of_a_trusted_caller_is_followed_without_a_limit() {
        assert_eq!(traced(&Sampling::new(0.0, 7), Some(true), true), TRIES);
        assert_eq!(traced(&Sampling::new(0.0, 7), Some(true), false), 7);
        assert_eq!(traced(&Sampling::new(0.0, 0), Some(true), false), 0);
    }

    #[test]
    fn a_caller_that_asks_too_often_is_treated_like_one_that_sent_no_flag() {
        assert_eq!(traced(&Sampling::new(1.0, 7), Some(true), false), TRIES);
    }

    #[test]
    fn a_second_later_the_same_number_may_be_asked_for_again() {
        let sampling = Sampling::new(0.0, 5);
        let start = Instant::now();
        let asks = |at: Duration| {
            let tries = (0..100).filter(|_| sampling.decide(Some(true), || false, || start + at));
            tries.count()
        };
        assert_eq!(asks(Duration::ZERO), 5);
        assert_eq!(asks(Duration::from_millis(400)), 2);
        assert_eq!(asks(Duration::from_mins(1)), 5);
    }

    #[test]
    fn calls_that_are_not_traced_have_distinct_ids() {
        let sampling = Sampling::new(0.5, 1);
        let ids: std::collections::HashSet<_> = (0..1000)
            .map(|_| sampling.untraced())
            .map(|parent| (parent.trace_id, parent.span_id))
            .collect();
        assert_eq!(ids.len(), 1000);
    }
}
