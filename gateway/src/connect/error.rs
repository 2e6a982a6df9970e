//! Errors as the Connect protocol sends them: JSON with a code, a message and details.

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use contract::refusal::{Problem, Reason, Refusal, Violation};
use http::{HeaderValue, StatusCode, header};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::pb;

use crate::{calls, monitoring::GrpcStatus};

/// What is wrong with a request in the Connect protocol.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// A header or a parameter of the query.
    #[error("{} {}", .0[0].field, .0[0].problem.description)]
    Malformed([Violation; 1]),
    /// The message is compressed in an unknown way.
    #[error("unknown compression: the supported ones are gzip and identity")]
    Compression,
    /// There is none, or more than one.
    #[error("this RPC takes exactly one message")]
    NotOneMessage,
    /// The URL of a GET.
    #[error("the URL is too long: send the request by POST")]
    UrlTooLong([Violation; 1]),
}

impl RequestError {
    pub(super) fn malformed(field: &str, description: &str) -> Self {
        Self::Malformed([violation(field, description)])
    }

    pub(super) fn url_too_long() -> Self {
        Self::UrlTooLong([violation("message", "is too long for a URL")])
    }
}

fn violation(field: &str, description: &str) -> Violation {
    Violation {
        field: field.to_owned(),
        problem: Problem::new("REQUEST_MALFORMED", description),
    }
}

impl Refusal for RequestError {
    fn reason(&self) -> Reason {
        match self {
            Self::Malformed(_) => Reason::RequestMalformed,
            Self::Compression => Reason::CompressionUnsupported,
            Self::NotOneMessage => Reason::MethodUnknown,
            Self::UrlTooLong(_) => Reason::RequestTooLarge,
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Malformed(violation) | Self::UrlTooLong(violation) => violation,
            Self::Compression | Self::NotOneMessage => &[],
        }
    }
}

/// An error in its JSON form.
#[derive(Debug, Serialize)]
pub(super) struct ErrorBody {
    code: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail>,
}

#[derive(Debug, Serialize)]
struct Detail {
    r#type: String,
    value: String,
    /// The detail as JSON, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    debug: Option<serde_json::Value>,
}

impl ErrorBody {
    pub(super) fn new(status: &Status, pool: &DescriptorPool) -> Self {
        // A service that sends other details than gRPC defines has none for clients.
        let rich = pb::Status::decode(status.details()).unwrap_or_default();
        let detail = |any: prost_types::Any| Detail::new(&any, pool);
        Self {
            code: code_name(status.code()),
            message: status.message().to_owned(),
            details: rich.details.into_iter().map(detail).collect(),
        }
    }
}

impl Detail {
    fn new(any: &prost_types::Any, pool: &DescriptorPool) -> Self {
        let name = any.type_url.rsplit('/').next().unwrap_or_default();
        Self {
            r#type: name.to_owned(),
            value: BASE64_STANDARD_NO_PAD.encode(&any.value),
            debug: debug(name, &any.value, pool),
        }
    }
}

/// `None` for a type that the gateway does not know.
fn debug(name: &str, value: &[u8], pool: &DescriptorPool) -> Option<serde_json::Value> {
    let message = DynamicMessage::decode(pool.get_message_by_name(name)?, value).ok()?;
    serde_json::to_value(&message).ok()
}

/// The answer to a unary call that has failed.
pub(super) fn response(status: &Status, pool: &DescriptorPool) -> Response {
    let http_status = http_status(status.code());
    response_with(http_status, status, pool)
}

/// The answer to a unary call that the gateway itself refuses.
pub(super) fn refusal(status: &Status, pool: &DescriptorPool) -> Response {
    refusal_with(http_status(status.code()), status, pool)
}

/// The same with another HTTP status.
pub(super) fn refusal_with(
    http_status: StatusCode,
    status: &Status,
    pool: &DescriptorPool,
) -> Response {
    calls::marked(response_with(http_status, status, pool), status)
}

fn response_with(http_status: StatusCode, status: &Status, pool: &DescriptorPool) -> Response {
    let body = serde_json::to_vec(&ErrorBody::new(status, pool))
        .expect("an error has only texts and JSON");
    let mut response = Response::new(Body::from(Bytes::from(body)));
    *response.status_mut() = http_status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
        .extensions_mut()
        .insert(GrpcStatus::of(status.code()));
    response
}

/// The name of a code. Connect spells `canceled` with one l.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Cancelled => "canceled",
        // An error with the code OK is none that gRPC allows.
        Code::Ok | Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

/// The HTTP status of a code (Connect protocol, "Error Codes").
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Cancelled => StatusCode::from_u16(499).expect("a status has three digits"),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}
