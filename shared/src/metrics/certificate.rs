//! When certificates expire.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use super::{KeyValue, Metrics, definitions::CERTIFICATE_EXPIRY};

/// The expiry of the certificate in use for one role. Cheap to clone; clones tell of the same certificate.
#[derive(Debug, Clone, Default)]
pub struct Certificate(Arc<AtomicI64>);

impl Certificate {
    /// Tells `metrics`, once it is known. `role` is `server`, or `client` for the one that is shown to another service.
    #[must_use]
    pub fn new(metrics: &Metrics, role: &'static str) -> Self {
        let certificate = Self::default();
        let expiry = Arc::clone(&certificate.0);
        metrics.gauge(&CERTIFICATE_EXPIRY, move || {
            let expiry = expiry.load(Ordering::Relaxed);
            let known = (expiry != 0).then(|| (float(expiry), vec![KeyValue::new("role", role)]));
            known.into_iter().collect()
        });
        certificate
    }

    /// A certificate that expires then, in Unix time, is in use from now on.
    pub fn expires(&self, at: i64) {
        self.0.store(at, Ordering::Relaxed);
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
const fn float(seconds: i64) -> f64 {
    seconds as f64
}
