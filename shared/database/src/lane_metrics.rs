//! Counts what database lanes do.

use std::sync::Arc;
use std::time::Duration;

use telemetry::metrics::{
    BoundCounter, BoundHistogram, BoundUpDownCounter, KeyValue, Metrics, label, labels::Label as _,
};

use crate::metrics::{
    DATABASE_BATCH, DATABASE_BUSY, DATABASE_DROPPED, DATABASE_FAILED, DATABASE_LEFT,
    DATABASE_OPENED, DATABASE_REFUSED, DATABASE_SPLITS, DATABASE_UNIT, DATABASE_WAIT, LANES,
    Refused,
};

pub(crate) use crate::metrics::Drop as DropCause;

/// The instruments of the lanes of one name. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct LaneMetrics {
    wait: BoundHistogram<f64>,
    unit: BoundHistogram<f64>,
    batch: BoundHistogram<f64>,
    splits: BoundCounter<u64>,
    left: BoundCounter<u64>,
    busy: Arc<BoundUpDownCounter<i64>>,
    opened: BoundCounter<u64>,
    failed: BoundCounter<u64>,
    dropped: Vec<BoundCounter<u64>>,
    refused: Vec<BoundCounter<u64>>,
}

impl LaneMetrics {
    pub(crate) fn new(metrics: &Metrics, lanes: &'static str) -> Self {
        let labels = [KeyValue::new(LANES, lanes)];
        let dropped = |cause: &&'static str| {
            let cause = label(DropCause::NAME, *cause);
            metrics.count(&DATABASE_DROPPED, &[labels[0].clone(), cause])
        };
        let refused = |cause: &&'static str| {
            let cause = label(Refused::NAME, *cause);
            metrics.count(&DATABASE_REFUSED, &[labels[0].clone(), cause])
        };
        Self {
            wait: metrics.histogram(&DATABASE_WAIT, &labels),
            unit: metrics.histogram(&DATABASE_UNIT, &labels),
            batch: metrics.histogram(&DATABASE_BATCH, &labels),
            splits: metrics.count(&DATABASE_SPLITS, &labels),
            left: metrics.count(&DATABASE_LEFT, &labels),
            busy: Arc::new(metrics.level(&DATABASE_BUSY, &labels)),
            opened: metrics.count(&DATABASE_OPENED, &labels),
            failed: metrics.count(&DATABASE_FAILED, &labels),
            dropped: DropCause::VALUES.iter().map(dropped).collect(),
            refused: Refused::VALUES.iter().map(refused).collect(),
        }
    }

    pub(crate) fn begun(&self, wait: Duration) {
        self.wait.record(wait.as_secs_f64());
    }

    /// Counts a lane as busy until the guard is dropped.
    pub(crate) fn busy(&self) -> Busy {
        self.busy.add(1);
        Busy(Arc::clone(&self.busy))
    }

    /// Counts units that could be joined and are run as one statement.
    pub(crate) fn joined(&self, units: usize) {
        self.batch
            .record(u32::try_from(units).unwrap_or(u32::MAX).into());
    }

    /// Counts units that a joined statement has left to be run alone: all of them, if it `failed`.
    pub(crate) fn left(&self, units: usize, failed: bool) {
        self.left.add(u64::try_from(units).unwrap_or(u64::MAX));
        self.splits.add(u64::from(failed));
    }

    pub(crate) fn ended(&self, duration: Duration) {
        self.unit.record(duration.as_secs_f64());
    }

    pub(crate) fn opened(&self) {
        self.opened.add(1);
    }

    pub(crate) fn failed(&self) {
        self.failed.add(1);
    }

    pub(crate) fn refused(&self, cause: Refused) {
        self.refused[cause.number()].add(1);
    }

    pub(crate) fn dropped(&self, cause: DropCause) {
        self.dropped[cause.number()].add(1);
    }
}

/// A lane that runs units.
#[derive(Debug)]
pub(crate) struct Busy(Arc<BoundUpDownCounter<i64>>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}
