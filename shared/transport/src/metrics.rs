//! The metrics that are counted here.

use telemetry::metrics::definitions::{LabelDefinition, exposed_by};

telemetry::metric_labels! {
    /// Why a connection of a client was refused.
    Refused = "cause" {
        /// As many as may be were open when the listener closed; before that, more wait.
        Full = "full",
        /// Its address has as many as it may.
        Address = "address",
        /// TLS was not agreed on in time, or at all.
        Handshake = "handshake",
        /// It said nothing in time, or nothing of HTTP.
        Silent = "silent",
    }
}

telemetry::metric_definitions! {
    CONNECTIONS_ACCEPTED = Counter "tandem.connections.accepted" ["{connection}"] { } by exposed_by::ALL =>
        "Connections of clients that were accepted.";
    CONNECTIONS_OPEN = Gauge "tandem.connections.open" ["{connection}"] { } by exposed_by::ALL =>
        "Connections of clients that are open.";
    CONNECTIONS_REFUSED = Counter "tandem.connections.refused" ["{connection}"] { LabelDefinition::of::<Refused>() } by exposed_by::ALL =>
        "Connections of clients that were refused or ended before their first call.";
}
