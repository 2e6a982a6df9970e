//! What is known of a call when it arrives: its id, its deadline, where it comes from.

use std::time::Duration;

use http::{HeaderMap, Request};
use tokio::time::Instant;
use tonic::{Status, body::Body};

use super::deadline;
use crate::caller::Call;
use contract::refusal::{Problem, Reason, Refusal, Violation, refuse};
use transport::{
    connections::Peer,
    network::{self, Network},
};

/// Longest request id taken over from a client.
const LONGEST_ID: usize = 64;
/// Longest user agent kept.
const LONGEST_AGENT: usize = 256;
/// The deadline of a stream that names none.
const STREAM: Duration = Duration::from_hours(24 * 30);

/// A call, and what is wrong with its transport headers.
pub(super) struct Opened {
    pub(super) call: Call,
    pub(super) problem: Option<Status>,
}

/// A transport header that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("grpc-timeout is not a number of at most 8 digits and a unit")]
struct BadTimeout([Violation; 1]);

impl Refusal for BadTimeout {
    fn reason(&self) -> Reason {
        Reason::RequestMalformed
    }

    fn violations(&self) -> &[Violation] {
        &self.0
    }
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
    let (asked, problem) = match asked_timeout(headers) {
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
            request_id: request_id(headers),
            deadline: arrival + allowed,
            peer: peer.map(|peer| network::client(peer.0.ip(), headers, trusted)),
            user_agent: user_agent(headers),
        },
        problem,
    }
}

fn asked_timeout(headers: &HeaderMap) -> Result<Option<Duration>, BadTimeout> {
    let Some(sent) = headers.get("grpc-timeout") else {
        return Ok(None);
    };
    let parsed = sent.to_str().ok().and_then(deadline::parse);
    parsed.map(Some).ok_or_else(|| {
        BadTimeout([Violation {
            field: "grpc-timeout".to_owned(),
            problem: Problem::new(
                "NOT_A_TIMEOUT",
                "must be at most 8 digits and one of H, M, S, m, u, n",
            ),
        }])
    })
}

/// The client's own id when it is harmless in a log line, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let sent = headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok());
    match sent {
        Some(id) if (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(harmless) => {
            id.to_owned()
        }
        _ => {
            let mut random = [0; 16];
            aws_lc_rs::rand::fill(&mut random).expect("the operating system gives random bytes");
            format!("{:032x}", u128::from_be_bytes(random))
        }
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
