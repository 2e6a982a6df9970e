//! The metric of when certificates expire.

use telemetry::metrics::{Metrics, label};
use tokio::sync::watch;

use super::{client::ClientTls, error::Validity, metrics::CERTIFICATE_EXPIRY, server::ServerTls};

/// Registers in `metrics` when the certificate in use expires; no value while there is none. `role` is `server`, or `client` for the
/// certificate that is presented to other services.
pub fn register_expiry(
    metrics: &Metrics,
    role: &'static str,
    validity: watch::Receiver<Option<Validity>>,
) {
    metrics.gauge(&CERTIFICATE_EXPIRY, move || {
        let validity = *validity.borrow();
        let expiry = validity.map(|validity| float(validity.until.timestamp()));
        let labelled = expiry.map(|expiry| (expiry, vec![label("role", role)]));
        labelled.into_iter().collect()
    });
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
const fn float(seconds: i64) -> f64 {
    seconds as f64
}

impl ServerTls {
    /// Registers in `metrics` when the certificate of the listener expires.
    pub fn register_metrics(&self, metrics: &Metrics) {
        register_expiry(metrics, "server", self.validity());
    }
}

impl ClientTls {
    /// Registers in `metrics` when the certificate that is presented expires.
    pub fn register_metrics(&self, metrics: &Metrics) {
        register_expiry(metrics, "client", self.validity());
    }
}
