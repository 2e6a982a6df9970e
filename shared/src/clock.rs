//! The time, as a parameter: whoever needs it asks a [`Clock`], and tests hold one in their hand.

use std::fmt::Debug;

use chrono::{DateTime, Utc};

/// Tells the time.
pub trait Clock: Send + Sync + Debug + 'static {
    /// The present moment.
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the system's time"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
