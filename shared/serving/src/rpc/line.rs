//! The access line.

use http::Response;
use tokio::time::Instant;
use tonic::{Code, body::Body};

use super::complete;
use crate::{access::Rpc, caller::Caller};

/// The full name of the method. An unknown path is the client's text, so it does not become a label.
pub(super) fn method(path: &str, rpc: Option<Rpc>) -> &str {
    if rpc.is_some() {
        path.trim_start_matches('/')
    } else {
        "_OTHER"
    }
}

/// The access line: one for each call, no bodies, no secrets.
pub(super) fn log(
    path: &str,
    rpc: Option<Rpc>,
    answer: &Response<Body>,
    reason: Option<&str>,
    arrival: Instant,
    peer: Option<std::net::IpAddr>,
    caller: Option<Caller>,
) {
    let method = method(path, rpc);
    let code = complete::code(answer).unwrap_or(Code::Ok);
    tracing::info!(
        target: "access",
        method,
        code = ?code,
        reason,
        ms = format_args!("{:.3}", arrival.elapsed().as_secs_f64() * 1e3),
        peer = peer.map(tracing::field::display),
        user = caller.map(|caller| tracing::field::display(caller.user_id)),
        "call"
    );
}
