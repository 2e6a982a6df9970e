//! The metrics about the connections of clients.

use telemetry::metrics::{
    BoundCounter, BoundUpDownCounter, CounterBy, Metrics,
    definitions::{LabelDefinition, exposed_by},
};

telemetry::metric_labels! {
    /// Why a connection of a client was refused.
    ConnectionRefusal = "cause" {
        /// The cap of the listener was reached when the listener closed. Before that, more connections wait.
        Full = "full",
        /// The cap of its address was reached.
        Address = "address",
        /// TLS was not agreed on in time, or at all.
        Handshake = "handshake",
        /// It sent nothing in time, or nothing of HTTP.
        Silent = "silent",
    }
}

telemetry::metric_definitions! {
    CONNECTIONS_ACCEPTED = Counter "tandem.connections.accepted" ["{connection}"] { } by exposed_by::ALL =>
        "Connections of clients that were accepted.";
    CONNECTIONS_OPEN = Gauge "tandem.connections.open" ["{connection}"] { } by exposed_by::ALL =>
        "Connections of clients that are open.";
    CONNECTIONS_REFUSED = Counter "tandem.connections.refused" ["{connection}"] { LabelDefinition::of::<ConnectionRefusal>() } by exposed_by::ALL =>
        "Connections of clients that were refused or ended before their first call.";
    ANSWERS_UNREAD = Counter "tandem.answers.unread" ["{answer}"] { } by exposed_by::ALL =>
        "Answers that were ended because their clients did not receive them in time.";
}

/// Counts the connections of a listener. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionMetrics {
    accepted: BoundCounter<u64>,
    open: BoundUpDownCounter<i64>,
    refused: CounterBy<ConnectionRefusal>,
    unread: BoundCounter<u64>,
}

/// A connection counts as open until this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct OpenConnection(BoundUpDownCounter<i64>);

impl ConnectionMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            accepted: metrics.count(&CONNECTIONS_ACCEPTED, &[]),
            open: metrics.level(&CONNECTIONS_OPEN, &[]),
            refused: metrics.counters(&CONNECTIONS_REFUSED),
            unread: metrics.count(&ANSWERS_UNREAD, &[]),
        }
    }

    /// Counts a connection that was accepted.
    pub(crate) fn accepted(&self) -> OpenConnection {
        self.accepted.add(1);
        self.open.add(1);
        OpenConnection(self.open.clone())
    }

    /// Counts a connection that was refused, or that ended before its first call.
    pub(crate) fn refused(&self, cause: ConnectionRefusal) {
        self.refused.add(cause);
    }

    /// Counts an answer that its client did not receive in time.
    pub(crate) fn unread(&self) {
        self.unread.add(1);
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}
