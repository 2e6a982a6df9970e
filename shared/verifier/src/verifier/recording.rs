//! The counts of a verifier, and how they become metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often tokens were found in the cache, and verified by signature.
#[derive(Debug, Default)]
pub(super) struct VerifiedCounts {
    cached: AtomicU64,
    by_signature: AtomicU64,
}

impl VerifiedCounts {
    pub(super) fn add_cached(&self) {
        self.cached.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_by_signature(&self) {
        self.by_signature.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(feature = "telemetry")]
mod registration {
    use std::sync::atomic::{AtomicU64, Ordering};

    use telemetry::metrics::{KeyValue, Metrics};
    use tokio::time::Instant;

    use super::super::{Revocations, Verifier};
    use crate::{
        metrics::{FEED_AGE, REVOCATIONS_HELD, TOKENS_VERIFIED},
        state::FeedState,
    };

    impl Verifier {
        /// Registers in `metrics` how tokens are verified and, if the verifier follows a feed, the age and size of what it holds.
        pub fn register_metrics(&self, metrics: &Metrics) {
            let verifier = self.clone();
            metrics.total(&TOKENS_VERIFIED, move || {
                let counts = &verifier.0.counts;
                let by = |by, count: &AtomicU64| {
                    let count = float(count.load(Ordering::Relaxed));
                    (count, vec![KeyValue::new("by", by)])
                };
                vec![
                    by("memory", &counts.cached),
                    by("signature", &counts.by_signature),
                ]
            });
            if let Revocations::Followed(_) = self.0.revocations {
                self.register_feed(metrics);
            }
        }

        fn register_feed(&self, metrics: &Metrics) {
            let (verifier, start) = (self.clone(), Instant::now());
            metrics.gauge(&FEED_AGE, move || {
                let state = verifier.state();
                let age = state.feed.as_ref().and_then(FeedState::age);
                let age = age.unwrap_or_else(|| start.elapsed());
                vec![(age.as_secs_f64(), Vec::new())]
            });
            let verifier = self.clone();
            metrics.gauge(&REVOCATIONS_HELD, move || {
                let state = verifier.state();
                let feed = state.feed.as_ref();
                let count = feed.map_or(0, |feed| feed.revocations.count());
                vec![(float(count as u64), Vec::new())]
            });
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    const fn float(count: u64) -> f64 {
        count as f64
    }
}
