//! A token that is not good is refused before anything else is judged.

use serde_json::json;

use super::curl::{Answer, curl, send, sign_up};
use crate::{elsewhere::forger::Forger, services::key, stack::Stack};

const TASKS: &str = "/api/tasks";
/// Requests of which nothing is right.
const BAD: [(&str, &str, &str); 8] = [
    ("POST", TASKS, "{"),
    ("POST", TASKS, "[1]"),
    ("POST", TASKS, r#"{"title":""}"#),
    ("POST", TASKS, r#"{"status":"done"}"#),
    ("PUT", "/api/tasks/1", r#"{"title":null}"#),
    ("PUT", "/api/tasks/%ff", "{}"),
    ("GET", "/api/tasks?limit=0&offset=x", ""),
    ("DELETE", "/api/tasks/%ff", ""),
];

#[track_caller]
fn assert_unauthenticated(answer: &Answer, detail: &str, reason: &str) {
    answer.assert_refused(401, detail);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert_eq!(answer.header("tandem-reason"), Some(reason));
}

/// A stack whose signing key can be taken out of its database, the access token of its user, and one of the user's tokens with
/// claims that a test chooses.
async fn start() -> (Stack, String, Forger) {
    let keys = format!("1:{}", key(1));
    let stack = Stack::start_with(&[("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", &keys)]).await;
    let user = sign_up(&stack, "a@example.com");
    let token = user["access_token"].as_str().unwrap().to_owned();
    let forger = Forger::of(&stack, &token).await;
    (stack, token, forger)
}

#[tokio::test]
async fn an_expired_or_bad_token_is_401_whatever_is_wrong_with_the_request() {
    let (stack, token, forger) = start().await;
    let long_ago = [("iat", json!(1_700_000_000)), ("exp", json!(1_700_000_300))];
    let expired = forger.with(&long_ago);
    let other_audience = forger.with(&[("aud", json!("other"))]);
    for (method, path, body) in BAD {
        let send = |token: &str| send(&stack, method, path, token, body);
        assert_unauthenticated(&send(&expired), "Token expired", "TOKEN_EXPIRED");
        for bad in ["a.b.c", &other_audience] {
            assert_unauthenticated(&send(bad), "Invalid token", "TOKEN_INVALID");
        }
        assert_unauthenticated(&send(""), "Not authenticated", "TOKEN_MISSING");
        let expected = if path.ends_with("%ff") { 404 } else { 422 };
        assert_eq!(send(&token).status, expected, "{method} {path} {body}");
    }
    let answer = send(&stack, "GET", "/protected", &expired, "");
    assert_unauthenticated(&answer, "Token expired", "TOKEN_EXPIRED");
}

#[tokio::test]
async fn a_body_that_is_not_json_or_too_large_is_401_too() {
    let (stack, token, forger) = start().await;
    let long_ago = [("iat", json!(1_700_000_000)), ("exp", json!(1_700_000_300))];
    let expired = forger.with(&long_ago);
    let large = json!({ "title": "x".repeat(70_000) }).to_string();
    for (kind, body, status) in [
        ("text/plain", "{}", 415),
        ("application/json", large.as_str(), 413),
    ] {
        for (token, expected) in [(&expired, 401), (&token, status)] {
            let bearer = format!("authorization: Bearer {token}");
            let kind = format!("content-type: {kind}");
            let arguments = ["-H", &bearer, "-H", &kind, "--data-binary", body];
            let answer = curl(&stack, TASKS, &arguments);
            assert_eq!(answer.status, expected, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_token_without_the_scope_is_403_whatever_is_wrong_with_the_request() {
    let (stack, _token, forger) = start().await;
    let reader = forger.with(&[("scope", json!("tasks.read"))]);
    for (method, path, body) in BAD {
        let answer = send(&stack, method, path, &reader, body);
        let expected = match (method, path.ends_with("%ff")) {
            ("GET", false) => (422, Some("FIELD_INVALID")),
            _ => (403, Some("SCOPE_MISSING")),
        };
        let found = (answer.status, answer.header("tandem-reason"));
        assert_eq!(found, expected, "{method} {path} {body}");
    }
}
