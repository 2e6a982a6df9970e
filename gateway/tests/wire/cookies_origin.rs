//! Only pages of the gateway's own origin use the cookie, and only where nobody can read it on the way.

use http::Method;
use http_body_util::Full;
use settings::{Setting as _, WebOrigin};
use tonic::Code;

use crate::{
    client::{self, Answer, BINARY, frame},
    cookies_service::{
        Behaviour, REFRESH, SAME_ORIGIN, SESSION, SIGN_IN, SIGN_OUT, SIGN_UP, Site, TOKEN,
        empty_refresh, set_cookies,
    },
    service::CREATE,
};

/// A call that opts in, with the cookie and these headers.
async fn call(site: &Site, path: &str, headers: &[(&str, &str)]) -> Answer {
    let cookie = site.cookie();
    let mut all = vec![("tandem-session", "cookie"), ("cookie", &cookie)];
    all.extend_from_slice(headers);
    site.call_with(path, &empty_refresh(), &all).await
}

#[tokio::test]
async fn a_call_that_does_not_come_from_a_page_of_the_same_origin_is_refused() {
    let site = Site::start(Behaviour::Succeed).await;
    let port = site.address().port();
    let own = format!("http://localhost:{port}");
    let other_port = format!("http://localhost:{}", port ^ 1);
    let https = format!("https://localhost:{port}");
    let mut cases = vec![
        vec![],
        vec![("sec-fetch-site", "same-origin"), ("origin", "null")],
    ];
    for value in ["same-site", "cross-site", "none", "", "SAME-ORIGIN"] {
        cases.push(vec![("sec-fetch-site", value), ("origin", &own)]);
    }
    for origin in [
        "null",
        "",
        "https://evil.test",
        &other_port,
        &https,
        "http://127.0.0.1",
        "http://localhost",
    ] {
        cases.push(vec![("origin", origin)]);
    }
    // Other content types change nothing: a form can send text/plain, and a fetch without a preflight too.
    cases.push(vec![
        ("content-type", BINARY),
        ("sec-fetch-site", "cross-site"),
    ]);
    for path in [SIGN_UP, SIGN_IN, REFRESH, SIGN_OUT, CREATE] {
        for headers in &cases {
            let answer = call(&site, path, headers).await;
            let details = answer.assert_refused(Code::PermissionDenied, "ORIGIN_REFUSED");
            answer.assert_request_id_in(&details);
            assert_eq!(set_cookies(&answer), [""; 0], "{headers:?}");
        }
    }
    site.assert_uncalled();
}

#[tokio::test]
async fn the_origin_counts_where_the_browser_does_not_send_sec_fetch_site() {
    let site = Site::start(Behaviour::Succeed).await;
    let own = format!("http://LOCALHOST:{}", site.address().port());
    let answer = call(&site, REFRESH, &[("origin", &own)]).await;
    assert!(set_cookies(&answer)[0].contains(TOKEN));
    site.received();
}

#[tokio::test]
async fn the_refresh_token_of_a_cookie_is_not_used_without_the_opt_in() {
    let site = Site::start(Behaviour::Succeed).await;
    let cookie = site.cookie();
    let origin = format!("http://localhost:{}", site.address().port());
    let headers = [
        ("cookie", cookie.as_str()),
        SAME_ORIGIN,
        ("origin", &origin),
    ];
    site.call_with(REFRESH, &empty_refresh(), &headers)
        .await
        .frames();
    assert_eq!(site.received().refresh().refresh_token, "");
}

#[tokio::test]
async fn a_get_never_reaches_a_call_that_uses_the_cookie() {
    let site = Site::start(Behaviour::Succeed).await;
    let (cookie, host) = (
        site.cookie(),
        format!("localhost:{}", site.address().port()),
    );
    for path in [REFRESH, SIGN_OUT, SIGN_IN] {
        for query in ["", "?connect=v1&encoding=json&message=%7B%7D"] {
            let request = http::Request::builder()
                .method(Method::GET)
                .uri(format!("{path}{query}"))
                .header("host", &host)
                .header("tandem-session", "cookie")
                .header("sec-fetch-site", "same-origin")
                .header("cookie", &cookie)
                .body(Full::default())
                .unwrap();
            let answer = client::send(site.address(), request).await;
            assert_eq!(answer.status, 405, "{path}{query}");
            assert_eq!(set_cookies(&answer), [""; 0]);
        }
    }
    site.assert_uncalled();
}

#[tokio::test]
async fn there_are_no_cookies_over_plain_http_unless_the_browser_is_on_this_machine() {
    let site = Site::start(Behaviour::Succeed).await;
    for host in [
        "app.example.com",
        "192.168.1.20:8080",
        "localhost.example.com",
        "[fd00::1]:8080",
    ] {
        let origin = format!("http://{host}");
        for path in [SIGN_IN, REFRESH, SIGN_OUT] {
            let answer = call(&site, path, &[("host", host), ("origin", &origin)]).await;
            let details = answer.assert_refused(Code::FailedPrecondition, "COOKIES_NEED_HTTPS");
            answer.assert_request_id_in(&details);
            assert_eq!(set_cookies(&answer), [""; 0]);
        }
    }
    site.assert_uncalled();
    for host in [
        "localhost",
        "a.localhost:8080",
        "127.0.0.1:8080",
        "127.1.2.3",
        "[::1]:8080",
    ] {
        let answer = call(&site, SIGN_IN, &[("host", host), SAME_ORIGIN]).await;
        let cookie = set_cookies(&answer)[0];
        assert!(
            cookie.starts_with("tandem-refresh-") && !cookie.contains("Secure"),
            "{host}"
        );
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_with_https_the_cookie_has_the_prefix_and_secure() {
    let site = Site::with(Behaviour::Succeed, |config| {
        config.trusted_proxies = Vec::parse("127.0.0.1").unwrap();
    })
    .await;
    let proxied = [
        ("host", "app.example.com"),
        ("origin", "https://app.example.com"),
    ];
    let forwarded = [proxied[0], proxied[1], ("x-forwarded-proto", "https")];
    let answer = call(&site, SIGN_IN, &forwarded).await;
    let name = "__Host-Http-tandem-refresh";
    let expected = format!(
        "{name}={SESSION}.{TOKEN}; Path=/; Max-Age=1209600; HttpOnly; SameSite=Strict; Secure"
    );
    assert_eq!(set_cookies(&answer), [expected]);
    site.received();
    let cookie = format!("{name}={SESSION}.abc");
    let mut all = vec![("tandem-session", "cookie"), ("cookie", cookie.as_str())];
    all.extend_from_slice(&forwarded);
    site.call_with(REFRESH, &empty_refresh(), &all)
        .await
        .frames();
    assert_eq!(site.received().refresh().refresh_token, "abc");
    // What the proxy says of plain http counts too, and so does that it says nothing.
    let plain = [
        proxied[0],
        ("origin", "http://app.example.com"),
        ("x-forwarded-proto", "http"),
    ];
    let answer = call(&site, SIGN_IN, &plain).await;
    answer.assert_refused(Code::FailedPrecondition, "COOKIES_NEED_HTTPS");
    let answer = call(&site, SIGN_IN, &[proxied[0], SAME_ORIGIN]).await;
    answer.assert_refused(Code::FailedPrecondition, "COOKIES_NEED_HTTPS");
}

#[tokio::test]
async fn nobody_but_a_trusted_proxy_says_that_a_browser_uses_https() {
    let site = Site::start(Behaviour::Succeed).await;
    let forwarded = [
        ("host", "app.example.com"),
        SAME_ORIGIN,
        ("x-forwarded-proto", "https"),
    ];
    let answer = call(&site, SIGN_IN, &forwarded).await;
    answer.assert_refused(Code::FailedPrecondition, "COOKIES_NEED_HTTPS");
    site.assert_uncalled();
}

#[tokio::test]
async fn over_http2_the_authority_is_the_host() {
    let site = Site::start(Behaviour::Succeed).await;
    let request = client::request(
        Method::POST,
        SIGN_IN,
        &[
            ("content-type", BINARY),
            ("tandem-session", "cookie"),
            ("origin", "http://gateway.test"),
        ],
        frame(&()),
    );
    let answer = client::send_http2(site.address(), request).await;
    // The origin is that of the authority, which is not on this machine.
    answer.assert_refused(Code::FailedPrecondition, "COOKIES_NEED_HTTPS");
    site.assert_uncalled();
}

const OTHER_SITE: &str = "https://app.example.com";

/// A gateway that pages of another site may call.
async fn open_to_another_site() -> Site {
    Site::with(Behaviour::Succeed, |config| {
        config.cors_origins = vec![WebOrigin::parse(OTHER_SITE).unwrap()];
    })
    .await
}

#[tokio::test]
async fn a_preflight_of_an_allowed_other_origin_allows_neither_the_opt_in_nor_credentials() {
    let site = open_to_another_site().await;
    let host = format!("localhost:{}", site.address().port());
    let preflight = http::Request::builder()
        .method(Method::OPTIONS)
        .uri(SIGN_IN)
        .header("host", host)
        .header("origin", OTHER_SITE)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "content-type,tandem-session",
        )
        .body(Full::default())
        .unwrap();
    let answer = client::send(site.address(), preflight).await;
    assert_eq!(answer.header("access-control-allow-origin"), OTHER_SITE);
    let allowed = answer.header("access-control-allow-headers");
    assert!(!allowed.contains("tandem-session"));
    let credentials = "access-control-allow-credentials";
    assert!(!answer.headers.contains_key(credentials));
}

#[tokio::test]
async fn a_page_of_an_allowed_other_origin_calls_without_cookies() {
    let site = open_to_another_site().await;
    let cross = [("origin", OTHER_SITE), ("sec-fetch-site", "cross-site")];
    let answer = call(&site, SIGN_IN, &cross).await;
    answer.assert_refused(Code::PermissionDenied, "ORIGIN_REFUSED");
    site.assert_uncalled();
    // Without the opt-in the page gets the tokens, and no cookie.
    let answer = site.call_with(SIGN_IN, &(), &cross).await;
    assert!(String::from_utf8_lossy(&answer.body).contains(TOKEN));
    assert_eq!(set_cookies(&answer), [""; 0]);
    let credentials = "access-control-allow-credentials";
    assert!(!answer.headers.contains_key(credentials));
}
