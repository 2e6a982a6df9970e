//! Reads the headers of a call: its id, its deadline, its client.

use std::time::Duration;

use api::{grpc_timeout, request_id};
use contract::refusal::refuse;
use http::{HeaderMap, Request};
use tokio::time::Instant;
use tonic::{Status, body::Body};
use transport::{
    connections::Peer,
    network::{self, Network},
};

use super::compression;
use crate::caller::Call;

/// Bytes of the user agent that are kept.
const MAX_USER_AGENT_BYTES: usize = 256;
/// The deadline of a stream whose client sets none.
const DEFAULT_STREAM_DEADLINE: Duration = Duration::from_hours(24 * 30);

/// A call, and the refusal if its transport headers are wrong.
pub(super) struct OpenedCall {
    pub(super) call: Call,
    pub(super) problem: Option<Status>,
}

/// Reads the headers of a call that arrived at `arrival`. Its deadline is `max_deadline` at most. The `x-forwarded-for` of the
/// proxies in `trusted` is believed.
pub(super) fn open(
    request: &Request<Body>,
    arrival: Instant,
    max_deadline: Option<Duration>,
    trusted: &[Network],
) -> OpenedCall {
    let headers = request.headers();
    let (timeout, problem) = match grpc_timeout::from_headers(headers) {
        Ok(timeout) => (timeout, compression::check_headers(headers).err()),
        Err(error) => (None, Some(refuse(&error))),
    };
    let allowed = match (timeout, max_deadline) {
        (Some(timeout), Some(max)) => timeout.min(max),
        (timeout, max) => timeout
            .or(max)
            .unwrap_or(DEFAULT_STREAM_DEADLINE)
            .min(DEFAULT_STREAM_DEADLINE),
    };
    let peer = request.extensions().get::<Peer>();
    OpenedCall {
        call: Call {
            request_id: request_id::from_headers(headers),
            deadline: arrival + allowed,
            peer: peer.map(|peer| network::client_address(peer.0.ip(), headers, trusted)),
            user_agent: user_agent(headers),
        },
        problem,
    }
}

fn user_agent(headers: &HeaderMap) -> String {
    // A browser cannot set `user-agent`, so gRPC-web clients send `x-user-agent`.
    let header = headers
        .get("x-user-agent")
        .or_else(|| headers.get(http::header::USER_AGENT));
    let text = header
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    text.get(..MAX_USER_AGENT_BYTES).unwrap_or(text).to_owned()
}
