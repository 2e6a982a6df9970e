//! Refusals that the gateway makes itself, with the same reasons and details as those of the services.
//!
//! They are sent as HTTP 200 with a trailers frame, like every gRPC-web error. With another HTTP status, clients do not read
//! the details: connect-web derives its code from the status alone.

use contract::{
    reason::Reason,
    refusal::{Refusal, refuse, refuse_request, with_request_info},
};
use http::HeaderMap;
use tonic::Status;

use super::compression;

/// The trailers of a refusal with this reason and no details of its own.
pub(super) fn trailers(reason: Reason, request_id: &str) -> HeaderMap {
    let mut trailers = trailers_of_status(&refuse_request(reason, request_id));
    if reason == Reason::CompressionUnsupported {
        compression::add_accepted(&mut trailers);
    }
    trailers
}

/// The trailers of a refusal whose details name what is wrong with the request.
pub(super) fn trailers_of_error(error: &dyn Refusal, request_id: &str) -> HeaderMap {
    trailers_of_status(&with_request_info(&refuse(error), request_id))
}

fn trailers_of_status(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    status
        .add_header(&mut trailers)
        .expect("messages of refusals are percent-encoded, and details are base64");
    trailers
}
