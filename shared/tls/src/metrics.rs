//! The metrics of TLS.

use telemetry::metrics::definitions::{LabelDefinition, exposed_by};

telemetry::metric_definitions! {
    CERTIFICATE_EXPIRY = Gauge "tandem.tls.certificate.expire_time" ["s"] { LabelDefinition::free("role", "`server`, or `client` for the one shown to another service") } by exposed_by::ALL =>
        "When the certificate in use expires, in Unix time. Absent without TLS.";
}
