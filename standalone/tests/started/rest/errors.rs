//! What is refused, and how.

use std::fs;

use serde_json::{Value, json};

use super::curl::{curl, send, token};
use crate::stack::Stack;

const TASKS: &str = "/api/tasks";

#[tokio::test]
async fn a_request_needs_a_good_token_before_anything_else() {
    let stack = Stack::start().await;
    for (method, path) in [
        ("GET", "/protected"),
        ("GET", TASKS),
        ("POST", TASKS),
        ("GET", "/api/tasks/1"),
        ("PUT", "/api/tasks/1"),
        ("DELETE", "/api/tasks/1"),
    ] {
        // Neither body is judged.
        for body in ["{", "{\"title\":5}"] {
            let answer = send(&stack, method, path, "", body);
            answer.assert_refused(401, "Not authenticated");
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Bearer"),
                "{method} {path}"
            );
        }
    }
    for header in [
        "authorization: Basic eDp5",
        "authorization: Bearer",
        "authorization: x",
    ] {
        let answer = curl(&stack, TASKS, &["-H", header]);
        answer.assert_refused(401, "Not authenticated");
    }
    for token in ["x", "a.b.c", "Bearer x"] {
        let answer = send(&stack, "GET", TASKS, token, "");
        answer.assert_refused(401, "Invalid token");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
}

#[tokio::test]
async fn a_body_is_judged_as_fastapi_does() {
    let stack = Stack::start().await;
    let token = token(&stack, "a@example.com");
    let post = |body: &str| send(&stack, "POST", TASKS, &token, body);
    let body = |name: &str| json!(["body", name]);
    post("").assert_invalid(&[("missing", json!(["body"]))]);
    post("{}").assert_invalid(&[("missing", body("title"))]);
    for other in ["[]", "\"x\"", "null", "5"] {
        post(other).assert_invalid(&[("model_attributes_type", json!(["body"]))]);
    }
    let all = r#"{"title":"","description":5,"status":"done"}"#;
    post(all).assert_invalid(&[
        ("string_too_short", body("title")),
        ("string_type", body("description")),
        ("enum", body("status")),
    ]);
    let entry = &post(all).json()["detail"][2];
    let expected = json!({
        "type": "enum", "loc": ["body", "status"], "input": "done",
        "msg": "Input should be 'pending', 'in_progress' or 'completed'",
        "ctx": { "expected": "'pending', 'in_progress' or 'completed'" },
    });
    assert_eq!(*entry, expected);
    let long = json!({ "title": "ä".repeat(201) }).to_string();
    post(&long).assert_invalid(&[("string_too_long", body("title"))]);
    assert_eq!(
        post(&json!({ "title": "ä".repeat(200) }).to_string()).status,
        201
    );
    // Rules of the service.
    post(r#"{"title":"  "}"#).assert_invalid(&[("value_error", body("title"))]);
    post(r#"{"title":"a\u202eb"}"#).assert_invalid(&[("value_error", body("title"))]);
}

#[tokio::test]
async fn what_is_no_json_is_refused_with_its_place() {
    let stack = Stack::start().await;
    let token = token(&stack, "a@example.com");
    for (text, place) in [
        ("{\"title\": NaN}", 10),
        ("{\"title\": \"\\ud800\"}", 17),
        ("{]", 1),
    ] {
        let answer = send(&stack, "POST", TASKS, &token, text);
        answer.assert_invalid(&[("json_invalid", json!(["body", place]))]);
        assert_eq!(answer.json()["detail"][0]["msg"], "JSON decode error");
    }
    let file = stack.folder.path("body");
    fs::write(&file, b"{\"title\":\"\xff\"}").unwrap();
    let file = format!("@{}", file.display());
    let answer = send(&stack, "POST", TASKS, &token, &file);
    answer.assert_refused(400, "There was an error parsing the body");
    let bearer = format!("authorization: Bearer {token}");
    let form = curl(&stack, TASKS, &["-H", &bearer, "-d", "{\"title\":\"x\"}"]);
    form.assert_refused(415, "Unsupported Media Type");
    let large = json!({ "title": "x".repeat(70_000) }).to_string();
    assert_eq!(send(&stack, "POST", TASKS, &token, &large).status, 413);
}

#[tokio::test]
async fn a_number_of_a_query_is_only_digits_within_bounds() {
    let stack = Stack::start().await;
    let token = token(&stack, "a@example.com");
    for (query, kind, name) in [
        ("limit=0", "greater_than_equal", "limit"),
        ("limit=201", "less_than_equal", "limit"),
        ("limit=5.0", "int_parsing", "limit"),
        ("limit=1_0", "int_parsing", "limit"),
        ("offset=-1", "greater_than_equal", "offset"),
        ("offset=10001", "less_than_equal", "offset"),
        ("offset=", "int_parsing", "offset"),
    ] {
        let answer = send(&stack, "GET", &format!("{TASKS}?{query}"), &token, "");
        answer.assert_invalid(&[(kind, json!(["query", name]))]);
        let sent = query.split_once('=').unwrap().1;
        assert_eq!(answer.json()["detail"][0]["input"], sent);
    }
}

#[tokio::test]
async fn no_refusal_sends_a_password_back() {
    let stack = Stack::start().await;
    for body in [
        json!({ "email": "x", "password": "hunter2hunter2" }),
        json!({ "password": "hunter2hunter2" }),
        json!({ "email": "hunter2@example.com", "password": "hunter2" }),
        json!({ "email": "a@example.com", "password": ["hunter2hunter2"] }),
        json!([{ "password": "hunter2hunter2" }]),
    ] {
        let answer = send(&stack, "POST", "/api/auth/sign-up", "", &body.to_string());
        assert_eq!(answer.status, 422, "{answer:?}");
        let text = answer.body.replace("hunter2@example.com", "");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_as_fastapi_does() {
    let stack = Stack::start().await;
    for path in ["/api", "/api/", "/api/x", "/api/tasks/1/x", "/api//tasks"] {
        send(&stack, "GET", path, "", "").assert_refused(404, "Not Found");
    }
    for (method, path, allowed) in [
        ("PATCH", TASKS, "GET,HEAD,POST"),
        ("POST", "/api/tasks/1", "GET,HEAD,PUT,DELETE"),
        ("GET", "/api/auth/sign-in", "POST"),
        ("POST", "/openapi.json", "GET,HEAD"),
    ] {
        let answer = send(&stack, method, path, "", "");
        answer.assert_refused(405, "Method Not Allowed");
        assert_eq!(answer.header("allow"), Some(allowed));
    }
    let moved = send(&stack, "POST", "/api/tasks/?limit=5", "", "{}");
    assert_eq!((moved.status, moved.body.as_str()), (307, ""));
    assert_eq!(moved.header("location"), Some("/api/tasks?limit=5"));
    let moved = send(&stack, "GET", "/api/tasks/1/", "", "");
    assert_eq!(moved.header("location"), Some("/api/tasks/1"));
}

#[tokio::test]
async fn too_many_attempts_say_when_to_come_back() {
    let stack = Stack::start_with(&[("TANDEM_AUTH__THROTTLE__ACCOUNT_FAILURES", "1")]).await;
    let body = json!({ "email": "a@example.com", "password": "wrong password" }).to_string();
    let sign_in = || send(&stack, "POST", "/api/auth/sign-in", "", &body);
    assert_eq!(sign_in().status, 401);
    let refused = sign_in();
    assert_eq!(refused.status, 429, "{refused:?}");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds > 0);
    assert!(refused.json()["detail"].is_string());
    assert_eq!(
        refused.json().as_object().map(serde_json::Map::len),
        Some(1)
    );
    assert_ne!(refused.json()["detail"], Value::Null);
}
