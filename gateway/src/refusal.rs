//! Failures the gateway itself finds, with the reasons and details the services give.
//!
//! They go out as HTTP 200 with a trailers frame like any gRPC-web error. Clients read no details from another HTTP status
//! (connect-web makes its code from the status and forgets the rest), and a typed reason is worth more than a status line.

use http::HeaderMap;
use shared::{reason::Reason, refusal::refuse_request};

/// The trailers that tell a client.
pub(crate) fn trailers(reason: Reason, request_id: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    refuse_request(reason, request_id)
        .add_header(&mut trailers)
        .expect("a reason's description is ASCII, and details are base64");
    trailers
}
