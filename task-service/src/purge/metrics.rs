//! What is counted of the removal of rows.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use chrono::{DateTime, Utc};
use clock::Clock;
use telemetry::metrics::{
    CounterBy, KeyValue, Metrics,
    definitions::{LabelDefinition, exposed_by},
    labels::Label as _,
};

telemetry::metric_labels! {
    /// Which rows are removed.
    Rows = "rows" {
        /// Deleted tasks and remembered requests whose time is over.
        Expired = "expired",
        /// All rows of accounts that were deleted.
        DeletedAccounts = "deleted_accounts",
    }
}

telemetry::metric_definitions! {
    REMOVED_TASKS = Counter "tandem.task.removed" ["{task}"] { LabelDefinition::of::<Rows>() } by exposed_by::TASK =>
        "Tasks removed for good.";
    REMOVAL_FAILURES = Counter "tandem.task.removal.failures" ["{failure}"] { LabelDefinition::of::<Rows>() } by exposed_by::TASK =>
        "Times that the rows of an owner could not be removed. Other owners are not affected.";
    OWNERS_SET_ASIDE = Gauge "tandem.task.removal.set_aside" ["{owner}"] { LabelDefinition::of::<Rows>() } by exposed_by::TASK =>
        "Owners whose rows could not be removed and are tried again later.";
    DELETED_ACCOUNTS_PENDING = Gauge "tandem.task.deleted_accounts.pending" ["{account}"] { } by exposed_by::TASK =>
        "Deleted accounts whose rows are not removed yet.";
    DELETED_ACCOUNTS_AGE = Gauge "tandem.task.deleted_accounts.pending.age" ["s"] { } by exposed_by::TASK =>
        "Time since this service learned of the oldest deleted account whose rows are not removed yet; 0 if there is none.";
}

/// Deleted accounts whose rows are not removed yet.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) accounts: i64,
    /// When this service learned of the oldest.
    pub(crate) oldest: Option<DateTime<Utc>>,
}

/// The instruments of the removal of rows.
#[derive(Debug, Clone)]
pub(crate) struct RemovalMetrics {
    removed: CounterBy<Rows>,
    failures: CounterBy<Rows>,
    gauges: Arc<Gauges>,
}

#[derive(Debug, Default)]
struct Gauges {
    /// In the order of [`Rows`].
    set_aside: [AtomicU64; 2],
    pending: Mutex<Pending>,
}

impl RemovalMetrics {
    pub(crate) fn new(metrics: &Metrics, clock: Arc<dyn Clock>) -> Self {
        let gauges = Arc::new(Gauges::default());
        gauges.register(metrics, clock);
        Self {
            removed: metrics.counters(&REMOVED_TASKS),
            failures: metrics.counters(&REMOVAL_FAILURES),
            gauges,
        }
    }

    pub(super) fn count_removed(&self, rows: Rows, tasks: u64) {
        self.removed.add_many(rows, tasks);
    }

    pub(super) fn count_failure(&self, rows: Rows) {
        self.failures.add(rows);
    }

    pub(super) fn set_aside(&self, rows: Rows, owners: usize) {
        let owners = u64::try_from(owners).unwrap_or(u64::MAX);
        self.gauges.set_aside[rows.number()].store(owners, Ordering::Relaxed);
    }

    pub(super) fn set_pending(&self, pending: Pending) {
        let held = self.gauges.pending.lock();
        *held.unwrap_or_else(PoisonError::into_inner) = pending;
    }
}

impl Gauges {
    fn register(self: &Arc<Self>, metrics: &Metrics, clock: Arc<dyn Clock>) {
        let gauges = Arc::clone(self);
        metrics.gauge(&OWNERS_SET_ASIDE, move || {
            let values = gauges.set_aside.iter().zip(Rows::VALUES);
            let read = values.map(|(owners, rows)| {
                let owners = float(owners.load(Ordering::Relaxed));
                (owners, vec![KeyValue::new(Rows::NAME, *rows)])
            });
            read.collect()
        });
        let gauges = Arc::clone(self);
        metrics.gauge(&DELETED_ACCOUNTS_PENDING, move || {
            let accounts = u64::try_from(gauges.pending().accounts);
            vec![(float(accounts.unwrap_or_default()), Vec::new())]
        });
        let gauges = Arc::clone(self);
        metrics.gauge(&DELETED_ACCOUNTS_AGE, move || {
            let oldest = gauges.pending().oldest;
            let age = oldest.and_then(|oldest| (clock.now() - oldest).to_std().ok());
            vec![(age.unwrap_or_default().as_secs_f64(), Vec::new())]
        });
    }

    fn pending(&self) -> Pending {
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
const fn float(count: u64) -> f64 {
    count as f64
}
