//! The cookie of calls over Connect.

use http_body_util::Full;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::Code;

use crate::{
    client::{self, Answer, BINARY},
    connect_client::{JSON, PROTO, assert_error},
    cookies_service::{
        Behaviour, OLD_TOKEN, Place, REFRESH, SAME_ORIGIN, SESSION, SIGN_IN, SIGN_OUT, SIGN_UP,
        Site, TAG, TOKEN, assert_deleted, empty_refresh, set_cookies,
    },
};

/// A call as a page of the gateway makes it, with the cookie.
async fn call(site: &Site, path: &str, body: impl Into<Vec<u8>>, more: &[(&str, &str)]) -> Answer {
    let host = format!("localhost:{}", site.address().port());
    let mut request = http::Request::builder().method("POST").uri(path);
    let cookie = site.cookie();
    let defaults = [
        ("host", host.as_str()),
        ("content-type", JSON),
        ("tandem-session", "cookie"),
        ("cookie", &cookie),
        SAME_ORIGIN,
    ];
    let missing = defaults
        .iter()
        .filter(|(name, _)| !more.iter().any(|(given, _)| given == name));
    for (name, value) in more.iter().chain(missing) {
        request = request.header(*name, *value);
    }
    let body = Full::from(body.into());
    client::send(site.address(), request.body(body).unwrap()).await
}

fn has_token(answer: &Answer) -> bool {
    let mut windows = answer.body.windows(TOKEN.len());
    windows.any(|window| window == TOKEN.as_bytes())
}

#[tokio::test]
async fn an_answer_in_json_and_in_protobuf_has_the_refresh_token_in_the_cookie_alone() {
    for path in [SIGN_UP, SIGN_IN] {
        for content_type in [JSON, PROTO] {
            let site = Site::start(Behaviour::Succeed).await;
            let body = if content_type == JSON { "{}" } else { "" };
            let headers = [("content-type", content_type)];
            let answer = call(&site, path, body, &headers).await;
            assert_eq!(answer.status, 200);
            assert!(!has_token(&answer));
            let expected = format!("{}={SESSION}.{TOKEN}; ", site.name());
            assert!(set_cookies(&answer)[0].starts_with(&expected));
            assert_eq!(answer.header("cache-control"), "no-store");
            if content_type == JSON {
                let tokens = &answer.json()["tokens"];
                assert_eq!(tokens["sessionId"], SESSION);
                assert_eq!(tokens["accessToken"], "an-access-token");
                assert_eq!(tokens["refreshToken"].as_str().unwrap_or_default(), "");
            }
        }
    }
}

#[tokio::test]
async fn a_refresh_and_a_sign_out_in_json_take_the_token_from_the_cookie() {
    let tag = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, TAG);
    let bodies: [(&str, Value); 2] = [
        (REFRESH, json!({ "attemptTag": tag })),
        (SIGN_OUT, json!({})),
    ];
    for (path, body) in bodies {
        let site = Site::start(Behaviour::Succeed).await;
        let answer = call(
            &site,
            path,
            body.to_string(),
            &[("tandem-session-id", SESSION)],
        )
        .await;
        assert_eq!(answer.status, 200);
        assert!(!has_token(&answer));
        let received = site.received();
        assert_eq!(received.refresh().refresh_token, OLD_TOKEN);
        let sent = if path == REFRESH {
            TAG.to_vec()
        } else {
            Vec::new()
        };
        assert_eq!(received.refresh().attempt_tag, sent);
        assert!(!received.headers.contains_key("cookie"));
        if path == SIGN_OUT {
            assert_deleted(&answer, &site.name());
        }
    }
}

#[tokio::test]
async fn a_json_call_of_another_site_is_refused_like_every_other() {
    let site = Site::start(Behaviour::Succeed).await;
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "null")],
    ] {
        for path in [SIGN_IN, REFRESH, SIGN_OUT] {
            let answer = call(&site, path, "{}", headers).await;
            assert_error(&answer, 403, "permission_denied", "ORIGIN_REFUSED");
            assert_eq!(set_cookies(&answer), [""; 0]);
        }
    }
    // What a form can send is no call.
    for form in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
    ] {
        let answer = call(&site, REFRESH, "{}", &[("content-type", form)]).await;
        assert_eq!(answer.status, 415, "{form}");
        assert_eq!(set_cookies(&answer), [""; 0]);
    }
    site.assert_uncalled();
}

#[tokio::test]
async fn refusals_in_json_delete_the_cookie_when_the_session_has_ended() {
    let reused = Behaviour::Refuse(
        Code::Unauthenticated,
        "REFRESH_TOKEN_REUSED",
        Place::Headers,
    );
    let site = Site::start(reused).await;
    let answer = call(&site, REFRESH, "{}", &[]).await;
    assert_error(&answer, 401, "unauthenticated", "REFRESH_TOKEN_REUSED");
    assert_deleted(&answer, &site.name());
    let stale = Behaviour::Refuse(
        Code::Unauthenticated,
        "REFRESH_TOKEN_STALE",
        Place::Trailers,
    );
    let site = Site::start(stale).await;
    let answer = call(&site, REFRESH, "{}", &[]).await;
    assert_error(&answer, 401, "unauthenticated", "REFRESH_TOKEN_STALE");
    assert_eq!(set_cookies(&answer), [""; 0]);
    let site = Site::start(Behaviour::Succeed).await;
    let answer = call(&site, REFRESH, "{}", &[("cookie", "a=b")]).await;
    assert_error(&answer, 401, "unauthenticated", "REFRESH_TOKEN_INVALID");
    let other = [("tandem-session-id", crate::cookies_service::OTHER_SESSION)];
    let answer = call(&site, REFRESH, "{}", &other).await;
    assert_error(&answer, 401, "unauthenticated", "SESSION_CHANGED");
    let answer = call(&site, SIGN_IN, "{}", &[("host", "app.example.com")]).await;
    assert_error(&answer, 400, "failed_precondition", "COOKIES_NEED_HTTPS");
    site.assert_uncalled();
}

#[tokio::test]
async fn an_answer_in_json_that_cannot_be_rewritten_is_refused() {
    let mut compressed = crate::cookies_service::success(SIGN_IN);
    compressed[0] = 1;
    let site = Site::start(Behaviour::Frames(compressed)).await;
    let answer = call(&site, SIGN_IN, "{}", &[]).await;
    assert_error(&answer, 500, "internal", "INTERNAL");
    assert!(!has_token(&answer));
    assert_eq!(set_cookies(&answer), [""; 0]);
}

#[tokio::test]
async fn a_compressed_request_gets_the_token_of_the_cookie_too() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &empty_refresh().encode_to_vec()).unwrap();
    let message = gzip.finish().unwrap();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let frame = [&[1], &length[..], &message].concat();
    for (content_type, encoding, body) in [
        (BINARY, "grpc-encoding", frame),
        (PROTO, "content-encoding", message.clone()),
    ] {
        let site = Site::start(Behaviour::Succeed).await;
        let headers = [("content-type", content_type), (encoding, "gzip")];
        let answer = call(&site, REFRESH, body, &headers).await;
        assert!(!has_token(&answer));
        assert!(set_cookies(&answer)[0].contains(TOKEN), "{content_type}");
        let received = site.received().refresh();
        assert_eq!(received.refresh_token, OLD_TOKEN);
        assert_eq!(received.attempt_tag, TAG);
    }
}
