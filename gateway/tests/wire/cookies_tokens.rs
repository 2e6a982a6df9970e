//! Refresh tokens go from answers into a cookie, and from the cookie into requests.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use contract::proto::auth::{
    ChangePasswordResponse, RefreshTokensRequest, RefreshTokensResponse, SignInResponse,
    SignOutRequest, SignUpResponse,
};
use prost::Message as _;
use tonic::Code;

use crate::{
    client::{Answer, BINARY, TEXT, frame},
    cookies_service::{
        Behaviour, CHANGE_PASSWORD, OLD_TOKEN, OTHER_SESSION, REFRESH, SAME_ORIGIN, SESSION,
        SIGN_IN, SIGN_OUT, SIGN_UP, Site, TAG, TOKEN, empty_refresh, pair, set_cookies,
    },
};

/// Asserts that no byte of the answer is the refresh token, whatever encoding its body has.
#[track_caller]
fn assert_hidden(answer: &Answer) {
    let has = |bytes: &[u8]| {
        let mut windows = bytes.windows(TOKEN.len());
        windows.any(|window| window == TOKEN.as_bytes())
    };
    assert!(!has(&answer.body));
    if answer.header("content-type") == TEXT {
        let groups = answer.body.chunks(4);
        let decoded = groups.flat_map(|group| BASE64_STANDARD.decode(group).unwrap());
        assert!(!has(&decoded.collect::<Vec<_>>()));
    }
    let cookies = set_cookies(answer);
    for (name, value) in &answer.headers {
        assert!(name == "set-cookie" || !has(value.as_bytes()), "{name}");
    }
    assert_eq!(cookies.len(), 1);
}

#[tokio::test]
async fn every_answer_with_tokens_has_the_refresh_token_in_the_cookie_alone() {
    for path in [SIGN_UP, SIGN_IN, REFRESH, CHANGE_PASSWORD] {
        for format in [BINARY, TEXT] {
            let site = Site::start(Behaviour::Succeed).await;
            let body = if path == REFRESH {
                empty_refresh()
            } else {
                RefreshTokensRequest::default()
            };
            let headers = [("accept", format)];
            let answer = site.call(path, &body, &site.cookie(), &headers).await;
            assert_hidden(&answer);
            let name = site.name();
            let expected = format!(
                "{name}={SESSION}.{TOKEN}; Path=/; Max-Age=1209600; HttpOnly; SameSite=Strict"
            );
            assert_eq!(set_cookies(&answer), [expected], "{path}");
            assert_eq!(answer.header("cache-control"), "no-store");
            let frames = answer.frames();
            assert_eq!(frames.trailers["grpc-status"], "0");
            let message = frames.messages[0].as_slice();
            let tokens = match path {
                SIGN_UP => SignUpResponse::decode(message).unwrap().tokens,
                SIGN_IN => SignInResponse::decode(message).unwrap().tokens,
                REFRESH => RefreshTokensResponse::decode(message).unwrap().tokens,
                _ => ChangePasswordResponse::decode(message).unwrap().tokens,
            };
            let mut expected = pair();
            expected.refresh_token.clear();
            assert_eq!(tokens, Some(expected), "{path}");
        }
    }
}

#[tokio::test]
async fn a_refresh_and_a_sign_out_take_the_token_from_the_cookie_and_the_tag_from_the_message() {
    for path in [REFRESH, SIGN_OUT] {
        let site = Site::start(Behaviour::Succeed).await;
        site.call(
            path,
            &empty_refresh(),
            &site.cookie(),
            &[("tandem-session-id", SESSION)],
        )
        .await
        .frames();
        let received = site.received();
        assert_eq!(received.refresh().refresh_token, OLD_TOKEN);
        assert_eq!(received.refresh().attempt_tag, TAG);
        for name in ["cookie", "tandem-session", "tandem-session-id", "origin"] {
            assert!(!received.headers.contains_key(name), "{name}");
        }
    }
    let site = Site::start(Behaviour::Succeed).await;
    let without_tag = RefreshTokensRequest::default();
    site.call(REFRESH, &without_tag, &site.cookie(), &[])
        .await
        .frames();
    assert_eq!(
        site.received().refresh().attempt_tag,
        b"",
        "the gateway makes no tag"
    );
}

#[tokio::test]
async fn a_token_in_the_message_is_used_and_not_the_cookie() {
    let site = Site::start(Behaviour::Succeed).await;
    let given = RefreshTokensRequest {
        refresh_token: "given".to_owned(),
        attempt_tag: TAG.to_vec(),
    };
    let answer = site.call(REFRESH, &given, "", &[]).await;
    assert_hidden(&answer);
    assert_eq!(site.received().refresh(), given);
    let site = Site::start(Behaviour::Succeed).await;
    let given = SignOutRequest {
        refresh_token: "given".to_owned(),
    };
    let answer = site.call(SIGN_OUT, &given, &site.cookie(), &[]).await;
    answer.frames();
    assert_eq!(
        set_cookies(&answer),
        [""; 0],
        "the cookie may be of another session"
    );
}

#[tokio::test]
async fn a_client_that_does_not_opt_in_is_answered_as_without_cookies() {
    for path in [SIGN_IN, REFRESH, SIGN_OUT] {
        let site = Site::start(Behaviour::Succeed).await;
        let cookie = site.cookie();
        let headers = [("cookie", cookie.as_str()), SAME_ORIGIN];
        let answer = site.call_with(path, &empty_refresh(), &headers).await;
        assert_eq!(frame_of(&answer), crate::cookies_service::success(path));
        assert_eq!(set_cookies(&answer), [""; 0]);
        let received = site.received();
        assert_eq!(received.refresh(), empty_refresh());
        assert!(!received.headers.contains_key("cookie"));
    }
}

fn frame_of(answer: &Answer) -> Vec<u8> {
    let frames = answer.frames();
    let length = u32::try_from(frames.messages[0].len())
        .unwrap()
        .to_be_bytes();
    [&[0], &length[..], &frames.messages[0]].concat()
}

#[tokio::test]
async fn without_a_usable_cookie_there_is_no_refresh_and_no_sign_out() {
    for path in [REFRESH, SIGN_OUT] {
        let site = Site::start(Behaviour::Succeed).await;
        let (name, other) = (site.name(), format!("x{}", site.cookie()));
        for (cookie, deleted) in [
            (String::new(), 0),
            (other, 0),
            (format!("{name}="), 1),
            (format!("{name}={OLD_TOKEN}"), 1),
            (format!("{name}={SESSION}.not a token"), 1),
        ] {
            let headers = [("tandem-session-id", SESSION)];
            let answer = site.call(path, &empty_refresh(), &cookie, &headers).await;
            let details = answer.assert_refused(Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
            answer.assert_request_id_in(&details);
            assert_eq!(set_cookies(&answer).len(), deleted, "{cookie}");
        }
        site.assert_uncalled();
    }
}

#[tokio::test]
async fn a_page_with_another_session_than_the_cookie_is_refused() {
    for path in [
        REFRESH,
        SIGN_OUT,
        CHANGE_PASSWORD,
        crate::cookies_service::DELETE_ACCOUNT,
    ] {
        let site = Site::start(Behaviour::Succeed).await;
        for wrong in [OTHER_SESSION, "", "not an id"] {
            let headers = [("tandem-session-id", wrong)];
            let answer = site
                .call(path, &empty_refresh(), &site.cookie(), &headers)
                .await;
            let details = answer.assert_refused(Code::Unauthenticated, "SESSION_CHANGED");
            answer.assert_request_id_in(&details);
            assert_eq!(
                set_cookies(&answer),
                [""; 0],
                "the cookie is of a session that goes on"
            );
        }
        let both = [
            ("tandem-session-id", SESSION),
            ("tandem-session-id", OTHER_SESSION),
        ];
        let answer = site
            .call(path, &empty_refresh(), &site.cookie(), &both)
            .await;
        answer.assert_refused(Code::Unauthenticated, "SESSION_CHANGED");
        site.assert_uncalled();
    }
    // A sign-in replaces whatever session there was.
    let site = Site::start(Behaviour::Succeed).await;
    let headers = [("tandem-session-id", OTHER_SESSION)];
    let answer = site.call(SIGN_IN, &(), &site.cookie(), &headers).await;
    assert_hidden(&answer);
}

#[tokio::test]
async fn two_cookies_of_the_name_are_refused() {
    for path in [SIGN_IN, REFRESH, SIGN_OUT] {
        let site = Site::start(Behaviour::Succeed).await;
        let one = site.cookie();
        let both = format!("{one}; {}={OTHER_SESSION}.planted", site.name());
        for headers in [
            &[("cookie", both.as_str())][..],
            &[("cookie", &one), ("cookie", &one)],
        ] {
            let answer = site.call(path, &empty_refresh(), "", headers).await;
            let details = answer.assert_refused(Code::InvalidArgument, "REQUEST_MALFORMED");
            let violations = &details.bad_request().unwrap().field_violations;
            assert_eq!(violations[0].field, "cookie");
            answer.assert_request_id_in(&details);
        }
        site.assert_uncalled();
    }
}

#[tokio::test]
async fn another_value_of_the_opt_in_is_refused_and_named() {
    let site = Site::start(Behaviour::Succeed).await;
    for headers in [
        &[("tandem-session", "yes")][..],
        &[("tandem-session", "")],
        &[("tandem-session", "Cookie")],
        &[("tandem-session", "cookie"), ("tandem-session", "cookie")],
    ] {
        let mut all = vec![SAME_ORIGIN];
        all.extend_from_slice(headers);
        let answer = site.call_with(SIGN_IN, &(), &all).await;
        let details = answer.assert_refused(Code::InvalidArgument, "REQUEST_MALFORMED");
        let violations = &details.bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "tandem-session");
    }
    site.assert_uncalled();
}

#[tokio::test]
async fn an_answer_that_cannot_be_rewritten_is_refused() {
    let whole = crate::cookies_service::success(SIGN_IN);
    let mut compressed = whole.clone();
    compressed[0] = 1;
    let mut without_token = pair();
    without_token.refresh_token.clear();
    let mut no_session = pair();
    no_session.session_id.clear();
    let tokens = |tokens| {
        frame(&SignInResponse {
            account: None,
            tokens: Some(tokens),
        })
    };
    for frames in [
        compressed,
        [whole.clone(), whole.clone()].concat(),
        Vec::new(),
        vec![0, 0, 0, 0, 3, 0x12, 0x05, 0x1a],
        tokens(without_token),
        tokens(no_session),
    ] {
        let site = Site::start(Behaviour::Frames(frames)).await;
        let answer = site.call(SIGN_IN, &(), "", &[]).await;
        answer.assert_refused(Code::Internal, "INTERNAL");
        assert_eq!(set_cookies(&answer), [""; 0]);
        assert!(!String::from_utf8_lossy(&answer.body).contains(TOKEN));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_shows_nothing_of_it() {
    let mut half = crate::cookies_service::success(SIGN_IN);
    half.pop();
    for behaviour in [Behaviour::Break, Behaviour::Frames(half)] {
        let site = Site::start(behaviour).await;
        let answer = site.call(SIGN_IN, &(), "", &[]).await;
        answer.assert_refused(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
        assert_eq!(set_cookies(&answer), [""; 0]);
        assert!(!String::from_utf8_lossy(&answer.body).contains(TOKEN));
    }
}
