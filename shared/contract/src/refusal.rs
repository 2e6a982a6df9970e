//! The conversion of an error to a `Status`: [`Refusal`] says what a caller may learn of an error, [`refuse`] makes the status.
//!
//! Every status has `google.rpc.ErrorInfo`; the outermost layer of a server adds `RequestInfo`. Authentication errors and internal
//! errors have fixed texts (ASVS 16.5.1). Their cause is logged once, here.

use std::{collections::HashMap, error::Error as StdError, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

pub use crate::reason::Reason;
pub use crate::violations::{Problem, Violation, Violations};

/// `ErrorInfo.domain`.
pub const DOMAIN: &str = "tandem";

/// What a caller may learn of an error. Everything else is only logged.
pub trait Refusal: StdError + 'static {
    /// The reason, which determines the code.
    fn reason(&self) -> Reason;

    /// The fields at fault; never empty when the code is `INVALID_ARGUMENT`.
    fn violations(&self) -> &[Violation] {
        &[]
    }

    /// How long to wait before another attempt; `None` for the default delay of the reason.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// More facts for programs: `ErrorInfo.metadata`.
    fn metadata(&self) -> HashMap<String, String> {
        HashMap::new()
    }
}

/// The status of an error. No other function converts an error to a status.
pub fn refuse(error: &dyn Refusal) -> Status {
    let reason = error.reason();
    let message = match reason.code() {
        Code::Internal => {
            tracing::error!(error = %chain(error), "a call failed");
            reason.description().to_owned()
        }
        Code::Unavailable => {
            tracing::debug!(error = %chain(error), "a call was refused as unavailable");
            reason.description().to_owned()
        }
        Code::Unauthenticated => reason.description().to_owned(),
        _ => error.to_string(),
    };
    let mut details = details(reason, error.metadata(), error.retry_after());
    if !error.violations().is_empty() {
        details.set_bad_request(
            error
                .violations()
                .iter()
                .map(Violation::to_field_violation)
                .collect::<Vec<_>>(),
        );
    }
    with_details(reason.code(), message, details)
}

/// The status of a reason alone, for refusals without an error type. With `INVALID_ARGUMENT` it has one violation, for the request
/// as a whole.
#[must_use]
pub fn refuse_with_reason(reason: Reason) -> Status {
    with_details(reason.code(), reason.description(), details_alone(reason))
}

/// The complete status of a request that reached no method: that of a reason alone, with `RequestInfo`.
#[must_use]
pub fn refuse_request(reason: Reason, request_id: &str) -> Status {
    let mut details = details_alone(reason);
    details.set_request_info(request_id, "");
    with_details(reason.code(), reason.description(), details)
}

fn details_alone(reason: Reason) -> ErrorDetails {
    let mut details = details(reason, HashMap::new(), None);
    if reason.code() == Code::InvalidArgument {
        let violation = Violation {
            field: String::new(),
            problem: Problem::new(reason.as_str(), reason.description()),
        };
        details.set_bad_request(vec![violation.to_field_violation()]);
    }
    details
}

/// The status with the id of its request added (`RequestInfo`). Its other details and its metadata are kept.
#[must_use]
pub fn with_request_info(status: &Status, request_id: &str) -> Status {
    let mut details = status.get_error_details();
    details.set_request_info(request_id, "");
    let mut complete = with_details(status.code(), status.message(), details);
    *complete.metadata_mut() = status.metadata().clone();
    complete
}

/// The details that every status with this reason has: `ErrorInfo`, and `RetryInfo` where a retry can succeed.
fn details(
    reason: Reason,
    metadata: HashMap<String, String>,
    retry_after: Option<Duration>,
) -> ErrorDetails {
    let mut details = ErrorDetails::with_error_info(reason.as_str(), DOMAIN, metadata);
    if matches!(reason.code(), Code::ResourceExhausted | Code::Unavailable) {
        details.set_retry_info(Some(
            retry_after.unwrap_or_else(|| default_retry_delay(reason)),
        ));
    }
    details
}

/// The only caller of tonic's constructor.
fn with_details(code: Code, message: impl Into<String>, details: ErrorDetails) -> Status {
    Status::with_error_details(code, message, details)
}

/// How long to wait before another attempt when the error does not say.
fn default_retry_delay(reason: Reason) -> Duration {
    match reason {
        Reason::Overloaded => Duration::from_millis(200),
        Reason::TaskQuotaExceeded => Duration::from_mins(1),
        _ => Duration::from_secs(1),
    }
}

/// The error and its causes in one line.
fn chain(error: &dyn Refusal) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
