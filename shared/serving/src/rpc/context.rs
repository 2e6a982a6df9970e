//! What the layer around the calls needs besides the call.

use std::time::Duration;

use telemetry::trace::Tracing;
use tokio_util::sync::CancellationToken;
use transport::network::Network;
use verifier::Verifier;

use super::{call_metrics::RpcMetrics, places::CallPlaces};
use crate::{access::AccessPolicy, service_secrets::ServiceSecrets};

/// The parts of a server that its calls use. Shared by all connections of a server.
#[derive(Debug)]
pub(crate) struct CallContext {
    /// The name of the service in access lines.
    pub(crate) service: Option<&'static str>,
    pub(crate) policy: AccessPolicy,
    pub(crate) verifier: Verifier,
    /// The credentials of services.
    pub(crate) secrets: ServiceSecrets,
    /// Places for calls in flight, and other things that are shared.
    pub(crate) places: CallPlaces,
    /// How long after its headers the message of a call must be complete.
    pub(crate) body_timeout: Duration,
    /// How long after the deadline of a call its answer may still be on its way.
    pub(crate) answer_grace: Duration,
    /// The longest a unary call may take, from its arrival.
    pub(crate) max_deadline: Duration,
    /// Proxies whose `x-forwarded-for` is believed.
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) metrics: RpcMetrics,
    /// Decides which calls are traced.
    pub(crate) tracing: Tracing,
    /// Ends the calls that are in flight when the drain time is over.
    pub(crate) abort: CancellationToken,
}
