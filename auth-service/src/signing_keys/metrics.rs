//! Gauges of the signing keys. They do not keep the keys alive.

use std::sync::Arc;

use telemetry::metrics::Metrics;
use tokio::time::Instant;

use super::SigningKeys;
use telemetry::metrics::definitions::exposed_by;

telemetry::metric_definitions! {
    KEYS_AGE = Gauge "tandem.auth.signing_keys.age" ["s"] { } by exposed_by::AUTH =>
        "Time since the signing keys were last read from the database, or since the start.";
    KEYS_PUBLISHED = Gauge "tandem.auth.signing_keys.published" ["{key}"] { } by exposed_by::AUTH =>
        "Keys that verify tokens.";
}

impl SigningKeys {
    /// Registers the age of the last read of the keys, and the number of published keys.
    pub(crate) fn register(&self, metrics: &Metrics) {
        let (keys, start) = (Arc::downgrade(&self.0), Instant::now());
        metrics.gauge(&KEYS_AGE, move || {
            let active = keys.upgrade().and_then(|keys| keys.active.load_full());
            let as_of = active.map_or(start, |active| active.as_of);
            vec![(as_of.elapsed().as_secs_f64(), Vec::new())]
        });
        let keys = Arc::downgrade(&self.0);
        metrics.gauge(&KEYS_PUBLISHED, move || {
            let count = keys.upgrade().map_or(0, |keys| keys.published.load().len());
            let count = u32::try_from(count).map_or(f64::MAX, f64::from);
            vec![(count, Vec::new())]
        });
    }
}
