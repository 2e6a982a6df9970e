//! The tag of a device, which makes a refresh safe to send again.

use serde_json::{Value, json};

use super::curl::{Answer, send};
use crate::stack::Stack;

const TAG: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// The same bytes in the other alphabet, without padding.
const SAME_TAG: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const OTHER_TAG: &str = "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA";

fn post(stack: &Stack, action: &str, body: &Value) -> Answer {
    let path = format!("/api/auth/{action}");
    send(stack, "POST", &path, "", &body.to_string())
}

fn refresh(stack: &Stack, tokens: &Value, tag: &str) -> Answer {
    let body = json!({ "refresh_token": tokens["refresh_token"], "attempt_tag": tag });
    post(stack, "refresh", &body)
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_is_sent_again_with_its_tag_and_a_thief_is_found() {
    let stack = Stack::start().await;
    let who = |more: Value| {
        let mut body = json!({ "email": "a@example.com", "password": "correct horse battery" });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let tagged = who(json!({ "attempt_tag": TAG }));
    for (action, status) in [("sign-up", 201), ("sign-in", 200)] {
        let first = post(&stack, action, &tagged);
        assert_eq!(first.status, status, "{first:?}");
        let first = first.json();
        let second = refresh(&stack, &first, TAG);
        assert_eq!(second.status, 200, "{second:?}");
        let second = second.json();
        assert_ne!(second["refresh_token"], first["refresh_token"]);
        for tag in [TAG, SAME_TAG] {
            let again = refresh(&stack, &first, tag).json();
            assert_eq!(again["refresh_token"], second["refresh_token"]);
        }
        let thief = refresh(&stack, &first, OTHER_TAG);
        assert_eq!(thief.status, 401, "{thief:?}");
        let reason = thief.header("tandem-reason");
        assert_eq!(reason, Some("REFRESH_TOKEN_REUSED"));
        let ended = refresh(&stack, &second, TAG);
        assert_eq!(ended.header("tandem-reason"), Some("SESSION_REVOKED"));
    }
}

#[tokio::test]
async fn a_tag_that_is_no_base64_of_16_to_64_bytes_is_refused_and_not_sent_back() {
    let stack = Stack::start().await;
    for (tag, kind) in [
        (json!("c2VjcmV0"), "bytes_too_short"),
        (json!("c2VjcmV0".repeat(11)), "bytes_too_long"),
        (json!("secret secret secret!!"), "bytes_invalid_encoding"),
        (json!(["c2VjcmV0"]), "string_type"),
    ] {
        let body = json!({
            "email": "a@example.com", "password": "correct horse battery", "refresh_token": "x", "attempt_tag": tag,
        });
        for action in ["sign-up", "sign-in", "refresh"] {
            let answer = post(&stack, action, &body);
            answer.assert_invalid(&[(kind, json!(["body", "attempt_tag"]))]);
            let text = answer.body;
            assert!(
                !text.contains("c2VjcmV0") && !text.contains("secret"),
                "{text}"
            );
        }
    }
}
