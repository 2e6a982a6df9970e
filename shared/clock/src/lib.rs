//! The clock, as a parameter.

use chrono::{DateTime, Utc};

/// The source of the current time. It is a parameter of whatever needs it, so that tests control the time.
pub trait Clock: Send + Sync + std::fmt::Debug + 'static {
    /// The current time.
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the only place that reads the clock of the machine"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
