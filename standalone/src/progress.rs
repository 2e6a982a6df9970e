//! Lines on standard error that say how far the start has come.

use std::time::Instant;

/// Tells each step with the time since the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    began: Instant,
}

impl Progress {
    pub(crate) fn start() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// `postgres ready 0.6 s`
    pub(crate) fn tell(self, what: &str) {
        eprintln!("{what} {:.1} s", self.began.elapsed().as_secs_f64());
    }
}
