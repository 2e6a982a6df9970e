//! The metrics that are counted here.

use contract::reason::Reason;
use telemetry::metrics::definitions::{CODE, LabelDefinition, METHOD, exposed_by};

/// `rpc.system.name`.
pub(crate) const SYSTEM: &str = "rpc.system.name";

const BY_METHOD: LabelDefinition = LabelDefinition::free(
    METHOD,
    "full name of the RPC; `_OTHER` for one that is not served",
);
const BY_CODE: LabelDefinition = LabelDefinition::free(CODE, "name of the gRPC status");

telemetry::metric_labels! {
    /// What the check of an access token found.
    Token = "result" {
        /// It is good.
        Ok = "ok",
        /// There was none.
        Missing = "missing",
        /// It is not one of ours.
        Invalid = "invalid",
        /// Its time is over.
        Expired = "expired",
        /// It was revoked.
        Revoked = "revoked",
        /// What is revoked is not known well enough, or no key is.
        Unknown = "unknown",
    }
}

telemetry::metric_definitions! {
    RPC_DURATION = Histogram "rpc.server.call.duration" ["s"] { LabelDefinition::free(SYSTEM, "`grpc`"), BY_METHOD, BY_CODE } by exposed_by::SERVICES =>
        "Time from the arrival of a call to its answer, or to the end of its stream.";
    RPC_STARTED = Counter "tandem.rpc.started" ["{call}"] { BY_METHOD } by exposed_by::SERVICES =>
        "Calls that have arrived.";
    RPC_HANDLED = Counter "tandem.rpc.handled" ["{call}"] { BY_METHOD, BY_CODE } by exposed_by::SERVICES =>
        "Calls that have ended. A call whose client went away counts as CANCELLED.";
    RPC_IN_FLIGHT = Gauge "tandem.rpc.in_flight" ["{call}"] { BY_METHOD } by exposed_by::SERVICES =>
        "Calls under way, open streams among them.";
    RPC_REFUSED = Counter "tandem.rpc.refused" ["{call}"] { LabelDefinition::of::<Reason>() } by exposed_by::SERVICES =>
        "Calls that were refused, by the reason their client was told.";
    RPC_CAPACITY = Gauge "tandem.rpc.in_flight.limit" ["{call}"] { } by exposed_by::SERVICES =>
        "Calls that may be under way at once; more are refused with OVERLOADED.";
    TOKENS_CHECKED = Counter "tandem.tokens.checked" ["{token}"] { LabelDefinition::of::<Token>() } by exposed_by::SERVICES =>
        "Access tokens that were checked.";
    READY = Gauge "tandem.ready" [""] { } by exposed_by::ALL =>
        "1 when the service is ready, else 0.";
}
