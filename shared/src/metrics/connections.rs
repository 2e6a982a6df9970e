//! The connections of clients.

use opentelemetry::metrics::{BoundCounter, BoundUpDownCounter};

use super::{
    CounterBy, Metrics,
    definitions::{CONNECTIONS_ACCEPTED, CONNECTIONS_OPEN, CONNECTIONS_REFUSED},
    labels::Refused,
};

/// Counts the connections of a listener. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connections {
    accepted: BoundCounter<u64>,
    open: BoundUpDownCounter<i64>,
    refused: CounterBy<Refused>,
}

/// A connection counts as open until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Open(BoundUpDownCounter<i64>);

impl Connections {
    /// Counts in `metrics`.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            accepted: metrics.count(&CONNECTIONS_ACCEPTED, &[]),
            open: metrics.level(&CONNECTIONS_OPEN, &[]),
            refused: metrics.counters(&CONNECTIONS_REFUSED),
        }
    }

    /// A connection was accepted.
    pub fn accept(&self) -> Open {
        self.accepted.add(1);
        self.open.add(1);
        Open(self.open.clone())
    }

    /// A connection was refused, or given up before its first call.
    pub fn refuse(&self, cause: Refused) {
        self.refused.add(cause);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}
