//! How a browser gets to the console.

use http::Method;

use crate::console::{FILES, ask, get, with_console};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

#[tokio::test]
async fn without_the_slash_the_browser_is_sent_to_the_folder() {
    let gateway = with_console(FILES).await;
    let answer = get(gateway.address, "/app").await;
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), "/app/");
}

#[tokio::test]
async fn the_root_sends_a_browser_to_the_console_and_answers_json_to_everyone_else() {
    let gateway = with_console(FILES).await;
    for (accept, is_sent) in [
        (BROWSER, true),
        ("text/html", true),
        ("*/*;q=0.5, text/*", true),
        ("*/*", false),
        ("application/json", false),
        ("application/json, text/html;q=0.9", false),
        ("text/html, application/json", false),
        ("", false),
    ] {
        let headers = [("accept", accept)];
        let answer = ask(gateway.address, Method::GET, "/", &headers).await;
        if is_sent {
            assert_eq!(answer.status, 303, "{accept}");
            assert_eq!(answer.header("location"), "/app/");
            assert_eq!(answer.header("cache-control"), "no-store");
        } else {
            assert_eq!(answer.json()["name"], "tandem", "{accept}");
        }
        let vary = answer.headers.get_all("vary").iter();
        assert!(vary.into_iter().any(|it| it == "accept"), "{accept}");
    }
    assert_eq!(get(gateway.address, "/").await.json()["name"], "tandem");
}
