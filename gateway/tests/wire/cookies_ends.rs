//! When the cookie is deleted, and when it is kept; its name.

use std::time::Duration;

use contract::proto::auth::RefreshTokensRequest;
use settings::Setting as _;
use tonic::Code;

use crate::{
    closed_port,
    cookies_service::{
        Behaviour, CHANGE_PASSWORD, DELETE_ACCOUNT, OLD_TOKEN, Place, REFRESH, SESSION, SIGN_IN,
        SIGN_OUT, Site, TAG, assert_deleted, empty_refresh, set_cookies,
    },
};

const UNAUTHENTICATED: Code = Code::Unauthenticated;

#[tokio::test]
async fn a_sign_out_and_the_deletion_of_the_account_delete_the_cookie() {
    for path in [SIGN_OUT, DELETE_ACCOUNT] {
        let site = Site::start(Behaviour::Succeed).await;
        let headers = [("tandem-session-id", SESSION)];
        let answer = site
            .call(
                path,
                &RefreshTokensRequest::default(),
                &site.cookie(),
                &headers,
            )
            .await;
        assert_eq!(answer.frames().trailers["grpc-status"], "0");
        assert_deleted(&answer, &site.name());
    }
}

#[tokio::test]
async fn a_refresh_whose_session_has_ended_deletes_the_cookie() {
    for reason in [
        "REFRESH_TOKEN_EXPIRED",
        "REFRESH_TOKEN_REUSED",
        "SESSION_REVOKED",
    ] {
        for place in [Place::Headers, Place::Trailers, Place::TrailersAfterMessage] {
            let site = Site::start(Behaviour::Refuse(UNAUTHENTICATED, reason, place)).await;
            let answer = site
                .call(REFRESH, &empty_refresh(), &site.cookie(), &[])
                .await;
            answer.assert_refused(UNAUTHENTICATED, reason);
            assert_eq!(answer.frames().messages, Vec::<Vec<u8>>::new());
            assert_deleted(&answer, &site.name());
        }
    }
}

#[tokio::test]
async fn a_refusal_that_may_pass_keeps_the_cookie() {
    for (path, code, reason) in [
        (REFRESH, UNAUTHENTICATED, "REFRESH_TOKEN_STALE"),
        // A refresh that crosses a change of the password: the browser has a newer cookie.
        (REFRESH, UNAUTHENTICATED, "REFRESH_TOKEN_INVALID"),
        (REFRESH, Code::Unavailable, "DATABASE_UNAVAILABLE"),
        (REFRESH, Code::ResourceExhausted, "RATE_LIMITED"),
        (REFRESH, Code::InvalidArgument, "FIELD_INVALID"),
        (SIGN_OUT, Code::Unavailable, "DATABASE_UNAVAILABLE"),
        (SIGN_IN, UNAUTHENTICATED, "CREDENTIALS_INVALID"),
        (CHANGE_PASSWORD, UNAUTHENTICATED, "SESSION_REVOKED"),
        (DELETE_ACCOUNT, UNAUTHENTICATED, "CREDENTIALS_INVALID"),
    ] {
        for place in [Place::Headers, Place::Trailers] {
            let site = Site::start(Behaviour::Refuse(code, reason, place)).await;
            let answer = site.call(path, &empty_refresh(), &site.cookie(), &[]).await;
            answer.assert_refused(code, reason);
            assert_eq!(set_cookies(&answer), [""; 0], "{path} {reason}");
        }
    }
}

#[tokio::test]
async fn a_refused_token_of_the_message_does_not_delete_the_cookie() {
    let refusal = Behaviour::Refuse(UNAUTHENTICATED, "SESSION_REVOKED", Place::Trailers);
    let site = Site::start(refusal).await;
    let given = RefreshTokensRequest {
        refresh_token: "given".to_owned(),
        attempt_tag: TAG.to_vec(),
    };
    let answer = site.call(REFRESH, &given, &site.cookie(), &[]).await;
    answer.assert_refused(UNAUTHENTICATED, "SESSION_REVOKED");
    assert_eq!(set_cookies(&answer), [""; 0]);
}

/// Otherwise the page would show that it is signed out, while the session goes on.
#[tokio::test]
async fn a_sign_out_that_does_not_reach_the_service_keeps_the_cookie_for_another_try() {
    let mut site = Site::start(Behaviour::Succeed).await;
    let closed = closed_port().await;
    site.gateway = crate::gateway(closed, closed, |_| {}).await;
    for path in [SIGN_OUT, REFRESH, DELETE_ACCOUNT] {
        let answer = site.call(path, &empty_refresh(), &site.cookie(), &[]).await;
        answer.assert_refused(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
        assert_eq!(set_cookies(&answer), [""; 0]);
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_keeps_the_cookie() {
    let upstream = crate::service::start_raw(std::future::pending::<()>).await;
    let mut site = Site::start(Behaviour::Succeed).await;
    site.gateway = crate::gateway(upstream, upstream, |config| {
        config.calls.deadline = Duration::from_millis(50);
    })
    .await;
    let answer = site
        .call(REFRESH, &empty_refresh(), &site.cookie(), &[])
        .await;
    answer.assert_refused(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    assert_eq!(set_cookies(&answer), [""; 0]);
}

#[tokio::test]
async fn the_name_has_the_instance_of_the_setting() {
    let site = Site::with(Behaviour::Succeed, |config| {
        config.cookie_instance = Some(gateway::CookieInstance::parse("blue1").unwrap());
    })
    .await;
    let cookie = format!(
        "{}; tandem-refresh-blue1={SESSION}.{OLD_TOKEN}",
        site.cookie()
    );
    let answer = site.call(REFRESH, &empty_refresh(), &cookie, &[]).await;
    assert!(set_cookies(&answer)[0].starts_with("tandem-refresh-blue1="));
    assert_eq!(site.received().refresh().refresh_token, OLD_TOKEN);
}
