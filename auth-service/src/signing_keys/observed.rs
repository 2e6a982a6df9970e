//! What can be seen of the signing keys from outside. Whoever looks does not keep them.

use std::sync::Arc;

use shared::metrics::{
    Metrics,
    definitions::{KEYS_AGE, KEYS_PUBLISHED},
};
use tokio::time::Instant;

use super::SigningKeys;

impl SigningKeys {
    /// Tells `metrics` how old what is known of the keys is, and how many are published.
    pub(crate) fn tell(&self, metrics: &Metrics) {
        let (keys, start) = (Arc::downgrade(&self.0), Instant::now());
        metrics.gauge(&KEYS_AGE, move || {
            let current = keys.upgrade().and_then(|keys| keys.current.load_full());
            let as_of = current.map_or(start, |current| current.as_of);
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
