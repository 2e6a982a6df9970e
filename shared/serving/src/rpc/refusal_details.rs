//! The details of a refusal: every refusal is sent with `ErrorInfo` and `RequestInfo`, also one that the gRPC library made.

use contract::refusal::{Reason, refuse_request, with_request_info};
use http::Response;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;

/// The code of an answer that is a status alone; `None` for one with a body, whose status comes after the body.
pub(super) fn code(answer: &Response<Body>) -> Option<Code> {
    answer.extensions().get::<Status>().map(Status::code)
}

/// Completes the details of a refusal and adds `x-request-id` to any answer. Returns the reason of a refusal.
pub(super) fn complete(
    mut answer: Response<Body>,
    request_id: &str,
) -> (Response<Body>, Option<String>) {
    let (mut answer, reason) = match status_alone(&mut answer) {
        Some(status) if status.code() != Code::Ok => {
            let (status, reason) = with_request_id(&status, request_id);
            (status.into_http(), Some(reason))
        }
        _ => (answer, None),
    };
    if let Ok(value) = request_id.parse() {
        answer.headers_mut().insert("x-request-id", value);
    }
    (answer, reason)
}

/// The status of an answer that has no message. For an unknown method the library writes the status only into the headers.
fn status_alone(answer: &mut Response<Body>) -> Option<Status> {
    let status = answer.extensions_mut().remove::<Status>();
    status.or_else(|| Status::from_header_map(answer.headers()))
}

/// The status with `RequestInfo`, and its reason.
fn with_request_id(status: &Status, request_id: &str) -> (Status, String) {
    let Some(info) = status.get_details_error_info() else {
        let reason = library_reason(status);
        tracing::debug!(code = ?status.code(), message = status.message(), "the gRPC library refused a request");
        return (
            refuse_request(reason, request_id),
            reason.as_str().to_owned(),
        );
    };
    (with_request_info(status, request_id), info.reason)
}

/// The reason of a status that the gRPC library made. Such a status has no details.
pub(crate) fn library_reason(status: &Status) -> Reason {
    match status.code() {
        Code::Unimplemented => Reason::MethodUnknown,
        Code::NotFound => Reason::ServiceNotFound,
        Code::OutOfRange | Code::ResourceExhausted => Reason::RequestTooLarge,
        Code::DeadlineExceeded | Code::Cancelled => Reason::DeadlineExceeded,
        Code::Unavailable => Reason::Draining,
        // The message is missing or cannot be decoded. The library answers INTERNAL, but the client made the mistake.
        _ => Reason::RequestMalformed,
    }
}
