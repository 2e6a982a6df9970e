//! The metrics about calls, tokens and readiness.

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
    /// The result of the check of an access token.
    TokenCheck = "result" {
        /// It is valid.
        Ok = "ok",
        /// The call had none.
        Missing = "missing",
        /// It was not issued by the auth service.
        Invalid = "invalid",
        /// It has expired.
        Expired = "expired",
        /// It was revoked.
        Revoked = "revoked",
        /// It could not be checked: the revocation data is too old, or no key is known.
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
        "Calls in flight, including open streams.";
    RPC_REFUSED = Counter "tandem.rpc.refused" ["{call}"] { LabelDefinition::of::<Reason>() } by exposed_by::SERVICES =>
        "Calls that were refused, by the reason in the answer.";
    RPC_CAPACITY = Gauge "tandem.rpc.in_flight.limit" ["{call}"] { } by exposed_by::SERVICES =>
        "Calls that may be in flight at once; more are refused with OVERLOADED.";
    TOKENS_CHECKED = Counter "tandem.tokens.checked" ["{token}"] { LabelDefinition::of::<TokenCheck>() } by exposed_by::SERVICES =>
        "Access tokens that were checked.";
    READY = Gauge "tandem.ready" [""] { } by exposed_by::ALL =>
        "1 when the service is ready, else 0.";
}
