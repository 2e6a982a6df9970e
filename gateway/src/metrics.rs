//! The metrics that the gateway counts.

use telemetry::metrics::definitions::{CODE, LabelDefinition, exposed_by};

/// `http.response.status_code`.
pub const HTTP_STATUS: &str = "http.response.status_code";

telemetry::metric_labels! {
    /// What a request to the gateway is for.
    Route = "route" {
        /// A call to the auth service.
        Auth = "auth",
        /// A call to the task service.
        Task = "task",
        /// `GET /health`.
        Health = "health",
        /// `GET /.well-known/jwks.json`.
        Jwks = "jwks",
        /// `GET /.well-known/oauth-authorization-server`.
        Metadata = "metadata",
        /// `GET /`.
        Info = "info",
        /// The REST API.
        Rest = "rest",
        /// The documents of the REST API.
        Docs = "docs",
        /// A CORS preflight.
        Preflight = "preflight",
        /// Anything else.
        Other = "_OTHER",
    }

    /// A service behind the gateway.
    Upstream = "upstream" {
        /// The auth service.
        Auth = "auth",
        /// The task service.
        Task = "task",
    }
}

telemetry::metric_definitions! {
    GATEWAY_REQUESTS = Counter "tandem.gateway.requests" ["{request}"] {
        LabelDefinition::of::<Route>(), LabelDefinition::free(HTTP_STATUS, "HTTP status"), LabelDefinition::free(CODE, "name of the gRPC status; `-` for what is no call")
    } by exposed_by::GATEWAY => "Requests that have ended. A call whose client went away has the code CANCELLED.";
    GATEWAY_DURATION = Histogram "tandem.gateway.request.duration" ["s"] { LabelDefinition::of::<Route>() } by exposed_by::GATEWAY =>
        "Time from the headers of a request to the last byte of its answer.";
    GATEWAY_IN_FLIGHT = Gauge "tandem.gateway.in_flight" ["{request}"] { } by exposed_by::GATEWAY =>
        "Requests under way, open streams among them.";
    GATEWAY_UPSTREAM_ERRORS = Counter "tandem.gateway.upstream.errors" ["{call}"] { LabelDefinition::of::<Upstream>() } by exposed_by::GATEWAY =>
        "Calls that a service did not answer to the end: it could not be reached, or the connection was lost.";
}
