//! The error contract: what every refusal must carry.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The domain of every reason.
const DOMAIN: &str = "tandem";
/// The details are sent in a header, and proxies limit the size of headers.
const LONGEST_DETAILS: usize = 4 * 1024;

/// The reason in a refusal's `google.rpc.ErrorInfo`.
///
/// # Panics
/// When it has none.
#[must_use]
#[track_caller]
pub fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    details
        .error_info()
        .unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"))
        .reason
        .clone()
}

/// The violations in a refusal's `google.rpc.BadRequest`, as (field, reason), in their order. Empty without a `BadRequest`.
#[must_use]
pub fn violations(status: &Status) -> Vec<(String, String)> {
    let details = status.get_error_details();
    let found = details
        .bad_request()
        .map(|bad| bad.field_violations.as_slice())
        .unwrap_or_default();
    found
        .iter()
        .map(|violation| (violation.field.clone(), violation.reason.clone()))
        .collect()
}

/// The time in a refusal's `google.rpc.RetryInfo`.
///
/// # Panics
/// When it has none.
#[must_use]
#[track_caller]
pub fn retry_delay(status: &Status) -> Duration {
    let details = status.get_error_details();
    let info = details.retry_info();
    info.and_then(|retry| retry.retry_delay)
        .unwrap_or_else(|| panic!("no RetryInfo in {status:?}"))
}

/// Asserts that a call was refused with this code and reason, and that the refusal has all required details.
///
/// # Panics
/// When one of these is not so.
#[track_caller]
pub fn assert_refused(status: &Status, code: Code, reason: &str) {
    let details = status
        .check_error_details()
        .expect("the details of a refusal can be decoded");
    let info = details
        .error_info()
        .unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(
        (status.code(), info.reason.as_str()),
        (code, reason),
        "{status:?}"
    );
    assert_eq!(info.domain, DOMAIN, "the domain of {status:?}");
    let request = details
        .request_info()
        .unwrap_or_else(|| panic!("no RequestInfo in {status:?}"));
    assert!(
        !request.request_id.is_empty(),
        "no request id in {status:?}"
    );
    let size = status.details().len();
    assert!(
        size < LONGEST_DETAILS,
        "{size} bytes of details in {status:?}"
    );
    assert_remedy(&details, status);
}

/// Asserts that the refusal says what the client must change, or when to try again.
#[track_caller]
fn assert_remedy(details: &ErrorDetails, status: &Status) {
    match status.code() {
        Code::InvalidArgument => {
            let violations = details
                .bad_request()
                .map_or(0, |bad| bad.field_violations.len());
            assert!(violations > 0, "no violation in {status:?}");
        }
        Code::ResourceExhausted | Code::Unavailable => {
            let delay = details.retry_info().and_then(|retry| retry.retry_delay);
            assert!(delay.is_some(), "no RetryInfo in {status:?}");
        }
        _ => {}
    }
}
