//! The documents of the API.

use std::fs;

use super::curl::curl;
use crate::{stack::Stack, tools::workspace};

#[tokio::test]
async fn the_document_is_the_one_in_the_docs() {
    let stack = Stack::start().await;
    let answer = curl(&stack, "/openapi.json", &[]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let kept = fs::read_to_string(workspace().join("docs/openapi.json")).unwrap();
    assert_eq!(answer.body, kept.trim_end());
}

#[tokio::test]
async fn the_page_of_the_document_comes_from_this_host_alone() {
    let stack = Stack::start().await;
    let page = curl(&stack, "/docs", &[]);
    assert_eq!(page.status, 200);
    assert!(
        !page.body.contains("://") && !page.body.contains("style="),
        "{}",
        page.body
    );
    for (path, kind) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/swagger-ui.css", "text/css; charset=utf-8"),
        (
            "/docs/swagger-ui-bundle.js",
            "text/javascript; charset=utf-8",
        ),
        ("/docs/start.js", "text/javascript; charset=utf-8"),
    ] {
        let answer = curl(&stack, path, &[]);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(kind));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.contains("script-src 'self';") && !policy.contains("unsafe"),
            "{policy}"
        );
    }
    curl(&stack, "/docs/oauth2-redirect.html", &[]).assert_refused(404, "Not Found");
}
