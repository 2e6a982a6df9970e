//! Gauges of the signing keys. They do not keep the keys alive.

use std::sync::Arc;

use shared::metrics::{
    Metrics,
    definitions::{KEYS_AGE, KEYS_PUBLISHED},
};
use tokio::time::Instant;

use super::SigningKeys;

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
