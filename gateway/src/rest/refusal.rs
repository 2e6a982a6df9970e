//! The refusals of the services and of the gateway, as REST answers them.

use contract::reason::Reason;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use tonic::{Code, Status};
use tonic_types::{FieldViolation, StatusExt as _};

use super::{
    problem::{Problem, REASON},
    violation::Violation,
};

impl Problem {
    /// A refusal of the gateway itself.
    pub(super) fn because(reason: Reason) -> Self {
        let seconds = matches!(reason.code(), Code::ResourceExhausted | Code::Unavailable);
        let problem = Self::of_reason(reason, reason.description(), seconds.then_some(1));
        problem.because_of(reason)
    }

    /// The body did not arrive in the time that it may take.
    pub(super) fn body_too_late() -> Self {
        let problem = Self::new(StatusCode::REQUEST_TIMEOUT, "Request Timeout");
        problem.because_of(Reason::DeadlineExceeded)
    }

    /// A refusal of a call. `sent`: the fields of the request's body, which the violations of a 422 show.
    pub(super) fn of_status(status: &Status, sent: &Value) -> Self {
        let details = status.get_error_details();
        let text = details.error_info().map(|info| info.reason.as_str());
        let reason = text.and_then(|text| Reason::ALL.iter().find(|it| it.as_str() == text));
        let Some(&reason) = reason else {
            return Self::because(Reason::Internal);
        };
        let violations = (details.bad_request())
            .map(|request| request.field_violations.as_slice())
            .unwrap_or_default();
        if reason == Reason::FieldInvalid {
            return Self::of_fields(violations, sent).with_reason(reason);
        }
        let delay = details.retry_info().and_then(|info| info.retry_delay);
        // Rounded up, because an attempt that is too early is refused again.
        let seconds = delay.map(|delay| delay.as_millis().div_ceil(1000).max(1));
        let seconds = seconds.map(|seconds| u64::try_from(seconds).unwrap_or(u64::MAX));
        Self::of_reason(reason, status.message(), seconds)
    }

    fn of_reason(reason: Reason, text: &str, retry_after: Option<u64>) -> Self {
        let problem = match reason {
            Reason::TokenMissing => Self::unauthenticated("Not authenticated"),
            Reason::TokenExpired => Self::unauthenticated("Token expired"),
            Reason::TokenInvalid | Reason::TokenRevoked => Self::unauthenticated("Invalid token"),
            Reason::TaskNotFound | Reason::TaskDeleted => Self::no_task(),
            Reason::RequestMalformed => Self::new(
                StatusCode::BAD_REQUEST,
                "There was an error parsing the body",
            ),
            other if other.code() == Code::Unauthenticated => Self::unauthenticated(text),
            other => Self::new(http_status(other), text),
        };
        let problem = problem.with_reason(reason);
        match retry_after {
            Some(seconds) => problem.with(header::RETRY_AFTER, seconds),
            None => problem,
        }
    }

    fn of_fields(violations: &[FieldViolation], sent: &Value) -> Self {
        // An id that no task can have is an id of no task.
        if (violations.iter()).any(|it| matches!(it.field.as_str(), "id" | "task.id")) {
            return Self::no_task();
        }
        let violations = violations.iter().map(|violation| {
            let name = violation.field.rsplit('.').next().unwrap_or_default();
            let loc = [Value::from("body"), Value::from(name)];
            let input = sent.get(name).unwrap_or(&Value::Null);
            Violation::of_service(&loc, input, &violation.reason, &violation.description)
        });
        Self {
            own: None,
            ..Self::invalid(violations.collect())
        }
    }

    fn with_reason(self, reason: Reason) -> Self {
        self.with(REASON, HeaderValue::from_static(reason.as_str()))
    }
}

fn http_status(reason: Reason) -> StatusCode {
    if reason == Reason::RequestTooLarge {
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    match reason.code() {
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound | Code::Unimplemented => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use contract::refusal::refuse_with_reason;
    use utoipa::IntoResponses as _;

    use super::*;
    use crate::rest::responses::{Common, Protected};

    #[test]
    fn every_reason_has_a_status_that_the_document_names() {
        let mut named = Common::responses();
        named.extend(Protected::responses());
        for reason in Reason::ALL {
            let status = refuse_with_reason(*reason);
            let answer = Problem::of_status(&status, &Value::Null);
            let status = answer.status.as_str();
            assert!(named.contains_key(status), "{reason:?}: {status}");
        }
    }

    #[test]
    fn the_text_of_a_401_says_what_is_wrong_with_the_token() {
        for (reason, expected) in [
            (Reason::TokenMissing, "Not authenticated"),
            (Reason::TokenExpired, "Token expired"),
            (Reason::TokenInvalid, "Invalid token"),
            (Reason::TokenRevoked, "Invalid token"),
        ] {
            let answer = Problem::of_status(&refuse_with_reason(reason), &Value::Null);
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
            assert_eq!(answer.detail, expected);
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            assert_eq!(answer.headers[REASON], reason.as_str());
        }
    }

    #[test]
    fn a_refusal_that_passes_says_when_to_come_back() {
        let status = refuse_with_reason(Reason::Overloaded);
        let answer = Problem::of_status(&status, &Value::Null);
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers["retry-after"], "1");
    }

    #[test]
    fn a_status_without_details_is_an_internal_error() {
        let answer = Problem::of_status(&Status::unknown("x"), &Value::Null);
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
