//! How current the list of deleted accounts is.

use std::sync::{Arc, Mutex, PoisonError};

use telemetry::metrics::{Metrics, definitions::exposed_by};
use tokio::time::Instant;

telemetry::metric_definitions! {
    DELETIONS_READ_AGE = Gauge "tandem.task.deletions.read.age" ["s"] { } by exposed_by::TASK =>
        "Time since all deleted accounts were last read from the auth service, or since the start.";
}

/// When everything was last read.
#[derive(Debug, Clone)]
pub(super) struct ReadMetrics(Arc<Mutex<Instant>>);

impl ReadMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let read = Arc::new(Mutex::new(Instant::now()));
        let last = Arc::clone(&read);
        metrics.gauge(&DELETIONS_READ_AGE, move || {
            let last = *last.lock().unwrap_or_else(PoisonError::into_inner);
            vec![(last.elapsed().as_secs_f64(), Vec::new())]
        });
        Self(read)
    }

    pub(super) fn set_read(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}
