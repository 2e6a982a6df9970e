//! Gauges of the feed.

use telemetry::metrics::Metrics;
use tokio::time::Instant;
use verifier::metrics::REVOCATIONS_HELD;

use super::Feed;
use telemetry::metrics::definitions::exposed_by;

telemetry::metric_definitions! {
    FEED_SUBSCRIBERS = Gauge "tandem.revocations.subscribers" ["{verifier}"] { } by exposed_by::AUTH =>
        "Verifiers that read this replica's feed of revocations.";
    FEED_LOOK_AGE = Gauge "tandem.revocations.published.age" ["s"] { } by exposed_by::AUTH =>
        "Time since this replica last read the revocations, or since the start. Heartbeats stop with it.";
}

impl Feed {
    /// Registers the number of subscribers, the age of the last read, and the number of revocations.
    pub(crate) fn register(&self, metrics: &Metrics) {
        let feed = self.clone();
        metrics.gauge(&FEED_SUBSCRIBERS, move || {
            vec![(float(feed.subscribers().count()), Vec::new())]
        });
        let (feed, start) = (self.clone(), Instant::now());
        metrics.gauge(&FEED_LOOK_AGE, move || {
            let read = feed.published().last_read().unwrap_or(start);
            vec![(read.elapsed().as_secs_f64(), Vec::new())]
        });
        let feed = self.clone();
        metrics.gauge(&REVOCATIONS_HELD, move || {
            vec![(float(feed.published().count()), Vec::new())]
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
const fn float(count: usize) -> f64 {
    count as f64
}
