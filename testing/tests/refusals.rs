//! Which refusals the assertion accepts, and which it rejects.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use testing::{assert_refused, reason, violations};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The details that every refusal must have.
fn required(reason: &str) -> ErrorDetails {
    let mut details = ErrorDetails::with_error_info(reason, "tandem", HashMap::new());
    details.set_request_info("0198", "");
    details
}

/// Whether the assertion fails for a refusal.
fn is_rejected(status: &Status, code: Code, reason: &str) -> bool {
    catch_unwind(AssertUnwindSafe(|| assert_refused(status, code, reason))).is_err()
}

/// Whether the assertion fails for a refusal with these details.
fn fails(code: Code, reason: &str, details: ErrorDetails) -> bool {
    let status = Status::with_error_details(code, "refused", details);
    is_rejected(&status, code, reason)
}

#[test]
fn a_complete_refusal_is_accepted() {
    let mut details = required("INVALID_TITLE");
    details.add_bad_request_violation("task.title", "must not be empty");
    let status = Status::with_error_details(Code::InvalidArgument, "refused", details);
    assert_refused(&status, Code::InvalidArgument, "INVALID_TITLE");
    assert_eq!(reason(&status), "INVALID_TITLE");
    assert_eq!(
        violations(&status),
        [("task.title".to_owned(), String::new())]
    );

    let mut details = required("OVERLOADED");
    details.set_retry_info(Some(Duration::from_secs(1)));
    assert!(!fails(Code::Unavailable, "OVERLOADED", details));
}

#[test]
fn another_code_or_reason_is_rejected() {
    let status = Status::with_error_details(Code::NotFound, "refused", required("TASK_NOT_FOUND"));
    assert_refused(&status, Code::NotFound, "TASK_NOT_FOUND");
    assert!(is_rejected(&status, Code::Aborted, "TASK_NOT_FOUND"));
    assert!(is_rejected(&status, Code::NotFound, "ACCOUNT_NOT_FOUND"));
}

#[test]
fn a_refusal_that_lacks_a_detail_is_rejected() {
    assert!(fails(Code::NotFound, "X", ErrorDetails::new()));
    assert!(fails(
        Code::NotFound,
        "X",
        ErrorDetails::with_error_info("X", "tandem", HashMap::new())
    ));
    let mut elsewhere = ErrorDetails::with_error_info("X", "example.com", HashMap::new());
    elsewhere.set_request_info("0198", "");
    assert!(fails(Code::NotFound, "X", elsewhere));
    assert!(fails(Code::InvalidArgument, "X", required("X")));
    assert!(fails(Code::ResourceExhausted, "X", required("X")));
    assert!(fails(Code::Unavailable, "X", required("X")));
}

#[test]
fn details_of_more_than_four_kibibytes_are_rejected() {
    let mut details = required("X");
    details.add_bad_request_violation("task.title", "x".repeat(5000));
    assert!(fails(Code::InvalidArgument, "X", details));
}
