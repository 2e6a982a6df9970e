//! The check of the log lines of a test's own process. This file has one test, since the check covers the whole process.

use testing::leaks::{Logs, forbid, forbid_settings};

#[test]
#[should_panic(expected = "a log line shows a secret")]
fn a_logged_secret_fails_the_test_whether_named_or_given_or_recognized_by_its_form() {
    let logs = Logs::watch();
    forbid("correct horse battery staple");
    forbid_settings([("auth.service_secrets", "q8Jx0f2Zs7mVb4Kt1LrYp6WnHc3Dg5Ea")]);
    tracing::info!(device = "phone", "signed in");
    assert_eq!(logs.shown(), [""; 0]);

    tracing::info!(password = "correct horse battery staple", "signed in");
    tracing::warn!("unknown caller q8Jx0f2Zs7mVb4Kt1LrYp6WnHc3Dg5Ea");
    let token = format!("eyJ0eXAi.{}.sig", "a".repeat(99));
    tracing::span!(target: "serving::rpc", tracing::Level::TRACE, "call", token)
        .in_scope(|| tracing::trace!(target: "serving::rpc", "verified"));
    tracing::debug!(target: "hyper", token, "not logged, as in production");
    assert_eq!(logs.shown().len(), 3, "{:?}", logs.shown());
}
