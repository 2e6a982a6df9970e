//! The access line: one for each call, without bodies and secrets.

use std::net::IpAddr;

use http::Response;
use tokio::time::Instant;
use tonic::{Code, body::Body};

use super::refusal_details;
use crate::{access::Rpc, caller::Caller};

/// The full name of the method; `_OTHER` for one that is not served, because its path is text of the client.
pub(super) fn method_name(path: &str, rpc: Option<Rpc>) -> &str {
    if rpc.is_some() {
        path.trim_start_matches('/')
    } else {
        "_OTHER"
    }
}

/// The content of an access line, except the code of the answer.
pub(super) struct AccessLine<'a> {
    pub(super) path: &'a str,
    pub(super) rpc: Option<Rpc>,
    /// The reason of a refusal.
    pub(super) reason: Option<&'a str>,
    pub(super) arrival: Instant,
    pub(super) peer: Option<IpAddr>,
    pub(super) caller: Option<Caller>,
}

impl AccessLine<'_> {
    pub(super) fn log(&self, answer: &Response<Body>) {
        let code = refusal_details::code(answer).unwrap_or(Code::Ok);
        tracing::info!(
            target: "access",
            method = method_name(self.path, self.rpc),
            code = ?code,
            reason = self.reason,
            ms = format_args!("{:.3}", self.arrival.elapsed().as_secs_f64() * 1e3),
            peer = self.peer.map(tracing::field::display),
            user = self.caller.map(|caller| tracing::field::display(caller.user_id)),
            "call"
        );
    }
}
