//! What can be seen of a verifier from outside.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::{Revocations, Verifier};
use crate::metrics::{FEED_AGE, REVOCATIONS_HELD, TOKENS_VERIFIED};
use telemetry::metrics::{KeyValue, Metrics};

/// How tokens were recognised.
#[derive(Debug, Default)]
pub(super) struct Found {
    in_memory: AtomicU64,
    by_signature: AtomicU64,
}

impl Found {
    pub(super) fn in_memory(&self) {
        self.in_memory.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn by_signature(&self) {
        self.by_signature.fetch_add(1, Ordering::Relaxed);
    }
}

impl Verifier {
    /// Tells `metrics` how tokens are recognised and, if it follows a feed, how old and how much it is.
    pub fn tell(&self, metrics: &Metrics) {
        let verifier = self.clone();
        metrics.total(&TOKENS_VERIFIED, move || {
            let found = &verifier.0.found;
            let by = |by, count: &AtomicU64| {
                (
                    float(count.load(Ordering::Relaxed)),
                    vec![KeyValue::new("by", by)],
                )
            };
            vec![
                by("memory", &found.in_memory),
                by("signature", &found.by_signature),
            ]
        });
        if let Revocations::Followed(_) = self.0.revocations {
            self.tell_of_feed(metrics);
        }
    }

    fn tell_of_feed(&self, metrics: &Metrics) {
        let (verifier, start) = (self.clone(), Instant::now());
        metrics.gauge(&FEED_AGE, move || {
            let known = verifier.known();
            let age = known.held.as_ref().and_then(crate::knowledge::Held::age);
            let age = age.unwrap_or_else(|| start.elapsed());
            vec![(age.as_secs_f64(), Vec::new())]
        });
        let verifier = self.clone();
        metrics.gauge(&REVOCATIONS_HELD, move || {
            let known = verifier.known();
            let held = known.held.as_ref();
            let count = held.map_or(0, |held| held.revocations.count());
            vec![(float(count as u64), Vec::new())]
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
const fn float(count: u64) -> f64 {
    count as f64
}
