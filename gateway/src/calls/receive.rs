//! Receives the body of a request, within the limits of every call.

use axum::body::{Body, Bytes};
use contract::reason::Reason;
use http_body_util::BodyExt as _;
use serving::shares::{Principal, Share};
use tokio::time::{Instant, error::Elapsed, timeout, timeout_at};

use crate::state::GatewayState;

/// What `read` reads, within the time that a body may take and until `begin_by`. It gets the most bytes that the request may have, and
/// the share of `principal` that holds them while they arrive.
pub(crate) async fn receive<Reading>(
    state: &GatewayState,
    principal: Principal,
    begin_by: Instant,
    read: impl FnOnce(usize, Share) -> Reading,
) -> Result<Bytes, Reason>
where
    Reading: Future<Output = Result<Bytes, Reason>>,
{
    let calls = &state.config.calls;
    let body = read(calls.request_limit, state.arriving.bytes(principal));
    let body = timeout_at(begin_by, timeout(calls.body_timeout, body));
    let received = async { body.await.map_err(too_late)?.map_err(too_late)? };
    state.arriving.receive(principal, received).await
}

/// The body, if it is at most `limit` bytes long. Never buffers more than that and one chunk. `share` holds its bytes while it
/// arrives.
pub(crate) async fn read(mut body: Body, limit: usize, mut share: Share) -> Result<Bytes, Reason> {
    let mut bytes = Vec::new();
    while let Some(next) = body.frame().await {
        // When the connection is lost, nobody reads the answer.
        let next = next.map_err(|_broken| Reason::RequestMalformed)?;
        let Ok(chunk) = next.into_data() else {
            continue;
        };
        if bytes.len() + chunk.len() > limit {
            return Err(Reason::RequestTooLarge);
        }
        bytes.extend_from_slice(&chunk);
        share.hold_arrived(bytes.len())?;
    }
    Ok(bytes.into())
}

pub(super) fn too_late(_: Elapsed) -> Reason {
    Reason::DeadlineExceeded
}
