//! What can be seen of the feed from outside.

use shared::metrics::{
    Metrics,
    definitions::{FEED_LOOK_AGE, FEED_SUBSCRIBERS, REVOCATIONS_HELD},
};
use tokio::time::Instant;

use super::Feed;

impl Feed {
    /// Tells `metrics` who reads the feed, and how old and how much it is.
    pub(crate) fn tell(&self, metrics: &Metrics) {
        let feed = self.clone();
        metrics.gauge(&FEED_SUBSCRIBERS, move || {
            vec![(float(feed.subscribers().count()), Vec::new())]
        });
        let (feed, start) = (self.clone(), Instant::now());
        metrics.gauge(&FEED_LOOK_AGE, move || {
            let looked = feed.published().looked().unwrap_or(start);
            vec![(looked.elapsed().as_secs_f64(), Vec::new())]
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
