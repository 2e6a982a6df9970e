//! A clock whose time changes only when the test sets it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use clock::Clock;

/// A clock that the test sets. Clones share one time. It counts microseconds, as PostgreSQL does.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// A clock set to `time`, in RFC 3339, such as `2026-01-01T00:00:00Z`.
    #[must_use]
    pub fn at(time: &str) -> Self {
        let time = DateTime::parse_from_rfc3339(time).expect("the time is in RFC 3339");
        Self(Arc::new(AtomicI64::new(time.timestamp_micros())))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros())
            .expect("a test advances the clock by less than 292,000 years");
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, time: DateTime<Utc>) {
        self.0.store(time.timestamp_micros(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst))
            .expect("a test's time is within the calendar")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_one_time_which_changes_only_when_it_is_set() {
        let clock = TestClock::at("2026-01-01T00:00:00Z");
        let other = clock.clone();
        assert_eq!(other.now(), clock.now());
        clock.advance(Duration::from_millis(1500));
        assert_eq!(other.now().to_rfc3339(), "2026-01-01T00:00:01.500+00:00");
        other.set(TestClock::at("2025-06-01T12:00:00+02:00").now());
        assert_eq!(clock.now().to_rfc3339(), "2025-06-01T10:00:00+00:00");
    }
}
