//! How connections have fared.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use telemetry::metrics::Metrics;

use crate::{
    meter::{self, Open},
    metrics::Refused,
};

/// Connections of a listener since it began; `open` are those there are now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// There now, those in their handshake included.
    pub open: usize,
    /// Taken in.
    pub accepted: u64,
    /// Closed at once: their address had as many as it may have, or, at a stop, there were as many as may be.
    pub refused: u64,
    /// Ended in the TLS handshake: too slow, no TLS, no certificate or a wrong one.
    pub handshake_failed: u64,
    /// Ended before a request: the first bytes were late, or of another protocol.
    pub never_spoke: u64,
    /// Asked to go because of their age.
    pub aged: u64,
    /// Closed with calls under way: their grace had passed, or the stop was over.
    pub cut: u64,
}

/// Counts as they grow, and in the metrics as far as those tell them.
#[derive(Debug)]
pub(super) struct Counters {
    told: meter::Connections,
    accepted: AtomicU64,
    refused: AtomicU64,
    handshake_failed: AtomicU64,
    never_spoke: AtomicU64,
    aged: AtomicU64,
    cut: AtomicU64,
}

impl Counters {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            told: meter::Connections::new(metrics),
            accepted: AtomicU64::default(),
            refused: AtomicU64::default(),
            handshake_failed: AtomicU64::default(),
            never_spoke: AtomicU64::default(),
            aged: AtomicU64::default(),
            cut: AtomicU64::default(),
        }
    }

    pub(super) fn now(&self, open: usize) -> Counts {
        Counts {
            open,
            accepted: self.accepted.load(Relaxed),
            refused: self.refused.load(Relaxed),
            handshake_failed: self.handshake_failed.load(Relaxed),
            never_spoke: self.never_spoke.load(Relaxed),
            aged: self.aged.load(Relaxed),
            cut: self.cut.load(Relaxed),
        }
    }

    pub(super) fn accepted(&self) -> Open {
        self.accepted.fetch_add(1, Relaxed);
        self.told.accept()
    }

    pub(super) fn refused(&self, cause: Refused) {
        self.refused.fetch_add(1, Relaxed);
        self.told.refuse(cause);
    }

    pub(super) fn handshake_failed(&self) {
        self.handshake_failed.fetch_add(1, Relaxed);
        self.told.refuse(Refused::Handshake);
    }

    pub(super) fn never_spoke(&self) {
        self.never_spoke.fetch_add(1, Relaxed);
        self.told.refuse(Refused::Silent);
    }

    pub(super) fn aged(&self) {
        self.aged.fetch_add(1, Relaxed);
    }

    pub(super) fn cut(&self) {
        self.cut.fetch_add(1, Relaxed);
    }
}
