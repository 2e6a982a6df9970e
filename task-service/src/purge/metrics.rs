//! What is counted of the removal of rows.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use telemetry::metrics::{BoundCounter, Metrics, definitions::exposed_by};

telemetry::metric_definitions! {
    REMOVED_TASKS = Counter "tandem.task.removed" ["{task}"] { } by exposed_by::TASK =>
        "Tasks removed for good.";
    REMOVAL_FAILURES = Counter "tandem.task.removal.failures" ["{failure}"] { } by exposed_by::TASK =>
        "Times that the rows of an owner could not be removed. Other owners are not affected.";
    OWNERS_SET_ASIDE = Gauge "tandem.task.removal.set_aside" ["{owner}"] { } by exposed_by::TASK =>
        "Owners whose rows could not be removed and are tried again later.";
}

/// The instruments of the removal of rows.
#[derive(Debug, Clone)]
pub(crate) struct RemovalMetrics {
    removed: BoundCounter<u64>,
    failures: BoundCounter<u64>,
    set_aside: Arc<AtomicUsize>,
}

impl RemovalMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let set_aside = Arc::new(AtomicUsize::new(0));
        let read = Arc::clone(&set_aside);
        metrics.gauge(&OWNERS_SET_ASIDE, move || {
            let owners = u32::try_from(read.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
            vec![(f64::from(owners), Vec::new())]
        });
        Self {
            removed: metrics.count(&REMOVED_TASKS, &[]),
            failures: metrics.count(&REMOVAL_FAILURES, &[]),
            set_aside,
        }
    }

    pub(super) fn count_removed(&self, tasks: u64) {
        self.removed.add(tasks);
    }

    pub(super) fn count_failure(&self) {
        self.failures.add(1);
    }

    pub(super) fn set_aside(&self, owners: usize) {
        self.set_aside.store(owners, Ordering::Relaxed);
    }
}
