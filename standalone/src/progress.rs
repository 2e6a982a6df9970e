//! Progress of the start and the stop, as lines on standard error.

use std::time::Instant;

use telemetry::logs;

/// Prints each step with the time since the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    start: Instant,
}

impl Progress {
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Prints a line such as `postgres ready 0.6 s`.
    pub(crate) fn print(self, step: &str) {
        logs::print(format_args!(
            "{step} {:.1} s",
            self.start.elapsed().as_secs_f64()
        ));
    }
}
