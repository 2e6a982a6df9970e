//! The access line: one log line for each request. The gateway and the services make it here, so that all have the same fields.
//!
//! In JSON the target is `access`, the message is `request`, and a field that has no value is left out:
//!
//! | field | type | what it is |
//! |---|---|---|
//! | `service` | string | which part answered: `tandem-gateway`, `tandem-auth`, `tandem-task` |
//! | `method` | string | the HTTP method |
//! | `path` | string | the path without its query, at most 256 bytes; at the services only that of an RPC that exists |
//! | `rpc` | string | the full name of the RPC, if the request calls one that exists |
//! | `status` | number | the HTTP status; absent if the client went away before it |
//! | `code` | string | the code of a call, such as `NOT_FOUND`; `CANCELLED` if the client went away |
//! | `reason` | string | why this part refused the request |
//! | `ms` | number | milliseconds from the arrival to the end, to the microsecond |
//! | `request_id` | string | the same at the gateway and at the service |
//! | `trace_id` | string | the same at the gateway and at the service |
//! | `peer` | string | the address of the client |
//! | `user`, `session` | string | of the verified token; at the services only |
//!
//! No field holds a query, a header or a body, which may contain secrets.

use std::{net::IpAddr, time::Duration};

use api::ids::{SessionId, UserId};
use contract::code::code_name;
use http::{Method, StatusCode};
use telemetry::trace::TraceId;
use tonic::Code;

/// Bytes of a path that are logged. The path is text of the client.
const MAX_PATH_BYTES: usize = 256;

/// What is known about a request when it ends.
#[derive(Debug)]
pub struct AccessLine {
    /// The part that answers.
    pub service: Option<&'static str>,
    /// The HTTP method.
    pub method: Method,
    /// The path, without a query.
    pub path: Option<String>,
    /// The full name of the RPC, without a leading slash.
    pub rpc: Option<String>,
    /// The HTTP status.
    pub status: Option<StatusCode>,
    /// The code of a call.
    pub code: Option<Code>,
    /// The reason of a refusal.
    pub reason: Option<String>,
    /// The id of the request.
    pub request_id: String,
    /// The trace that it belongs to.
    pub trace_id: Option<TraceId>,
    /// The address of the client.
    pub peer: Option<IpAddr>,
    /// The account of the caller.
    pub user: Option<UserId>,
    /// The session of the caller.
    pub session: Option<SessionId>,
}

impl AccessLine {
    /// Writes the line of a request that took this long.
    pub fn log(&self, took: Duration) {
        tracing::info!(
            target: "access",
            parent: None,
            service = self.service,
            method = self.method.as_str(),
            path = self.path.as_deref().map(bounded),
            rpc = self.rpc.as_deref(),
            status = self.status.map(|status| status.as_u16()),
            code = self.code.map(code_name),
            reason = self.reason.as_deref(),
            ms = milliseconds(took),
            request_id = self.request_id.as_str(),
            trace_id = self.trace_id.map(display),
            peer = self.peer.map(display),
            user = self.user.map(display),
            session = self.session.map(display),
            "request"
        );
    }
}

fn bounded(path: &str) -> &str {
    &path[..path.floor_char_boundary(MAX_PATH_BYTES)]
}

/// With at most three decimals.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_cut_between_two_characters() {
        assert_eq!(bounded("/short"), "/short");
        let long = format!("/{}", "é".repeat(200));
        assert_eq!(bounded(&long), format!("/{}", "é".repeat(127)));
    }

    #[test]
    fn milliseconds_have_three_decimals_at_most() {
        let of_nanos = |nanos| milliseconds(Duration::from_nanos(nanos)).to_string();
        assert_eq!(of_nanos(1_234_567), "1.235");
        assert_eq!(of_nanos(25_000_000), "25");
        assert_eq!(of_nanos(12_345_678_912), "12345.679");
    }
}
