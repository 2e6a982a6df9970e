//! When certificates expire.

use tokio::sync::watch;

use telemetry::metrics::{Metrics, label};

use crate::Validity;
use crate::metrics::CERTIFICATE_EXPIRY;

/// Tells `metrics` when the certificate in use expires, as it is replaced, if there is one. `role` is `server`, or `client` for
/// the one that is shown to another service.
pub fn tell_expiry(
    metrics: &Metrics,
    role: &'static str,
    validity: watch::Receiver<Option<Validity>>,
) {
    metrics.gauge(&CERTIFICATE_EXPIRY, move || {
        let shown = *validity.borrow();
        let told = |shown: Validity| (float(shown.until.timestamp()), vec![label("role", role)]);
        shown.map(told).into_iter().collect()
    });
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
const fn float(seconds: i64) -> f64 {
    seconds as f64
}
