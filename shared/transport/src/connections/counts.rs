//! Counts of what happened to the connections of a listener.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use telemetry::metrics::Metrics;

use crate::metrics::{ConnectionMetrics, ConnectionRefusal, OpenConnection};

/// Counts since the listener began, except `open`, which is the present number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Connections now, including those in their handshake.
    pub open: usize,
    /// Accepted.
    pub accepted: u64,
    /// Closed at once: the cap of their address was reached, or the cap of the listener was and they could not wait.
    pub refused: u64,
    /// Ended in the TLS handshake: too slow, no TLS, no certificate or a wrong one.
    pub handshake_failed: u64,
    /// Ended before a request: the first bytes were late, or of another protocol.
    pub no_request: u64,
    /// Drained because of their age.
    pub aged: u64,
    /// Answers that their clients did not receive in time: their streams were reset, or their connections closed.
    pub unread: u64,
    /// Closed with calls in flight: their grace was over, or the drain of the server was.
    pub cut: u64,
}

/// Counts as they grow. The metrics show a part of them.
#[derive(Debug)]
pub(super) struct Counters {
    metrics: ConnectionMetrics,
    accepted: AtomicU64,
    refused: AtomicU64,
    handshake_failed: AtomicU64,
    no_request: AtomicU64,
    aged: AtomicU64,
    unread: AtomicU64,
    cut: AtomicU64,
}

impl Counters {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            metrics: ConnectionMetrics::new(metrics),
            accepted: AtomicU64::default(),
            refused: AtomicU64::default(),
            handshake_failed: AtomicU64::default(),
            no_request: AtomicU64::default(),
            aged: AtomicU64::default(),
            unread: AtomicU64::default(),
            cut: AtomicU64::default(),
        }
    }

    pub(super) fn snapshot(&self, open: usize) -> ConnectionCounts {
        ConnectionCounts {
            open,
            accepted: self.accepted.load(Relaxed),
            refused: self.refused.load(Relaxed),
            handshake_failed: self.handshake_failed.load(Relaxed),
            no_request: self.no_request.load(Relaxed),
            aged: self.aged.load(Relaxed),
            unread: self.unread.load(Relaxed),
            cut: self.cut.load(Relaxed),
        }
    }

    pub(super) fn accepted(&self) -> OpenConnection {
        self.accepted.fetch_add(1, Relaxed);
        self.metrics.accepted()
    }

    pub(super) fn refused(&self, cause: ConnectionRefusal) {
        self.refused.fetch_add(1, Relaxed);
        self.metrics.refused(cause);
    }

    pub(super) fn handshake_failed(&self) {
        self.handshake_failed.fetch_add(1, Relaxed);
        self.metrics.refused(ConnectionRefusal::Handshake);
    }

    pub(super) fn no_request(&self) {
        self.no_request.fetch_add(1, Relaxed);
        self.metrics.refused(ConnectionRefusal::Silent);
    }

    pub(super) fn aged(&self) {
        self.aged.fetch_add(1, Relaxed);
    }

    pub(super) fn unread(&self) {
        self.unread.fetch_add(1, Relaxed);
        self.metrics.unread();
    }

    pub(super) fn cut(&self) {
        self.cut.fetch_add(1, Relaxed);
    }
}
