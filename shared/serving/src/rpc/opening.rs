//! What is known of a call when it arrives: its id, its deadline, where it comes from.

use std::time::Duration;

use http::{HeaderMap, Request};
use tokio::time::Instant;
use tonic::{Status, body::Body};

use api::{grpc_timeout, request_id};
use contract::refusal::refuse;
use transport::{
    connections::Peer,
    network::{self, Network},
};

use crate::caller::Call;

/// Longest user agent kept.
const LONGEST_AGENT: usize = 256;
/// The deadline of a stream that names none.
const STREAM: Duration = Duration::from_hours(24 * 30);

/// A call, and what is wrong with its transport headers.
pub(super) struct Opened {
    pub(super) call: Call,
    pub(super) problem: Option<Status>,
}

/// Opens a call that arrived at `arrival`; `longest` bounds its deadline, and the proxies in `trusted` are believed about
/// where it comes from.
pub(super) fn open(
    request: &Request<Body>,
    arrival: Instant,
    longest: Option<Duration>,
    trusted: &[Network],
) -> Opened {
    let headers = request.headers();
    let (asked, problem) = match grpc_timeout::from_headers(headers) {
        Ok(asked) => (asked, None),
        Err(error) => (None, Some(refuse(&error))),
    };
    let allowed = match (asked, longest) {
        (Some(asked), Some(longest)) => asked.min(longest),
        (asked, longest) => asked.or(longest).unwrap_or(STREAM).min(STREAM),
    };
    let peer = request.extensions().get::<Peer>();
    Opened {
        call: Call {
            request_id: request_id::from_headers(headers),
            deadline: arrival + allowed,
            peer: peer.map(|peer| network::client(peer.0.ip(), headers, trusted)),
            user_agent: user_agent(headers),
        },
        problem,
    }
}

fn user_agent(headers: &HeaderMap) -> String {
    // A browser cannot set `user-agent`, so gRPC-web clients send `x-user-agent`.
    let sent = headers
        .get("x-user-agent")
        .or_else(|| headers.get(http::header::USER_AGENT));
    let text = sent
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    text.get(..LONGEST_AGENT).unwrap_or(text).to_owned()
}
