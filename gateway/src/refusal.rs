//! Failures the gateway itself finds, as gRPC statuses with the same details the services give: `ErrorInfo`, `RequestInfo`,
//! and `RetryInfo` where trying again can help.
//!
//! They go out as HTTP 200 with a trailers frame like any gRPC-web error. Clients read no details from another HTTP status
//! (connect-web makes its code from the status and forgets the rest), and a typed reason is worth more than a status line.

use std::time::Duration;

use http::HeaderMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Who speaks, in `ErrorInfo.domain`.
const DOMAIN: &str = "tandem";

/// A client that was told to wait, waits this long.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a call got no answer of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The service could not be reached, or was lost before it had answered.
    #[error("the service cannot be reached")]
    UpstreamUnavailable,
    /// The time of the call is over, or the request did not arrive in time.
    #[error("the deadline has passed")]
    DeadlineExceeded,
    /// The body is not one gRPC-web message.
    #[error("the body is not one uncompressed gRPC-web message")]
    RequestMalformed,
    /// The message is longer than the limit.
    #[error("the request is too large")]
    RequestTooLarge,
}

impl Refusal {
    fn code(self) -> Code {
        match self {
            Self::UpstreamUnavailable => Code::Unavailable,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::RequestMalformed | Self::RequestTooLarge => Code::InvalidArgument,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::UpstreamUnavailable => "UPSTREAM_UNAVAILABLE",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::RequestMalformed => "REQUEST_MALFORMED",
            Self::RequestTooLarge => "REQUEST_TOO_LARGE",
        }
    }

    /// The trailers that tell a client.
    pub(crate) fn trailers(self, request_id: &str) -> HeaderMap {
        let mut details = ErrorDetails::with_error_info(self.reason(), DOMAIN, []);
        details.set_request_info(request_id, "");
        match self {
            Self::UpstreamUnavailable => {
                details.set_retry_info(Some(RETRY_AFTER));
            }
            Self::RequestMalformed | Self::RequestTooLarge => {
                details.set_bad_request(vec![tonic_types::FieldViolation {
                    reason: self.reason().to_owned(),
                    ..tonic_types::FieldViolation::new("", self.to_string())
                }]);
            }
            Self::DeadlineExceeded => {}
        }
        let status = Status::with_error_details(self.code(), self.to_string(), details);
        let mut trailers = HeaderMap::new();
        status
            .add_header(&mut trailers)
            .expect("the texts above are ASCII, and details are base64");
        trailers
    }
}
