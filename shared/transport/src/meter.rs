//! The connections of clients.

use telemetry::metrics::{BoundCounter, BoundUpDownCounter};

use telemetry::metrics::{CounterBy, Metrics};

use crate::metrics::{CONNECTIONS_ACCEPTED, CONNECTIONS_OPEN, CONNECTIONS_REFUSED, Refused};

/// Counts the connections of a listener. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    accepted: BoundCounter<u64>,
    open: BoundUpDownCounter<i64>,
    refused: CounterBy<Refused>,
}

/// A connection counts as open until this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Open(BoundUpDownCounter<i64>);

impl Connections {
    /// Counts in `metrics`.
    #[must_use]
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            accepted: metrics.count(&CONNECTIONS_ACCEPTED, &[]),
            open: metrics.level(&CONNECTIONS_OPEN, &[]),
            refused: metrics.counters(&CONNECTIONS_REFUSED),
        }
    }

    /// A connection was accepted.
    pub(crate) fn accept(&self) -> Open {
        self.accepted.add(1);
        self.open.add(1);
        Open(self.open.clone())
    }

    /// A connection was refused, or given up before its first call.
    pub(crate) fn refuse(&self, cause: Refused) {
        self.refused.add(cause);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}
