//! An auth service that answers as a test says, and a browser that calls it through a gateway.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{body::Body, extract::Request, response::Response};
use contract::proto::auth::{
    Account, ChangePasswordResponse, RefreshTokensRequest, RefreshTokensResponse, SignInResponse,
    SignUpResponse, TokenPair,
};
use gateway::Config;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::{BodyExt as _, Full};
use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{
    Running,
    client::{self, Answer, BINARY, frame},
    gateway, service,
};

pub(crate) const SIGN_UP: &str = "/tandem.auth.v1.AuthService/SignUp";
pub(crate) const SIGN_IN: &str = "/tandem.auth.v1.AuthService/SignIn";
pub(crate) const REFRESH: &str = "/tandem.auth.v1.AuthService/RefreshTokens";
pub(crate) const SIGN_OUT: &str = "/tandem.auth.v1.AuthService/SignOut";
pub(crate) const CHANGE_PASSWORD: &str = "/tandem.auth.v1.AccountService/ChangePassword";
pub(crate) const DELETE_ACCOUNT: &str = "/tandem.auth.v1.AccountService/DeleteAccount";

pub(crate) const SESSION: &str = "0193c8a4-7b1e-7c3f-8a52-6f0d9e1b2c34";
pub(crate) const OTHER_SESSION: &str = "0193c8a4-7b1e-7c3f-8a52-6f0d9e1b2c35";
/// What the service issues.
pub(crate) const TOKEN: &str = "AQIDBA-the_refresh_token";
/// What the browser has.
pub(crate) const OLD_TOKEN: &str = "AQIDBA-the_old_token";
pub(crate) const TAG: [u8; 32] = [9; 32];
const OPT_IN: (&str, &str) = ("tandem-session", "cookie");
pub(crate) const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");

/// How the service answers every call.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// As the contract says.
    Succeed,
    /// With this reason and code; in the headers, or in trailers after none or one message.
    Refuse(Code, &'static str, Place),
    /// With these bytes as frames, and success.
    Frames(Vec<u8>),
    /// With a message, and no trailers.
    Break,
}

/// Where a refusal stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Headers,
    Trailers,
    TrailersAfterMessage,
}

/// What the service got.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) message: Vec<u8>,
}

impl Received {
    pub(crate) fn refresh(&self) -> RefreshTokensRequest {
        RefreshTokensRequest::decode(self.message.as_slice()).unwrap()
    }
}

/// A pair of tokens of the service.
pub(crate) fn pair() -> TokenPair {
    TokenPair {
        access_token: "an-access-token".to_owned(),
        refresh_token: TOKEN.to_owned(),
        session_id: SESSION.to_owned(),
        token_type: "Bearer".to_owned(),
        refresh_token_expires_in: Some(prost_types::Duration {
            seconds: 1_209_600,
            nanos: 0,
        }),
        ..TokenPair::default()
    }
}

/// The frame of the answer to a successful call.
pub(crate) fn success(path: &str) -> Vec<u8> {
    let account = Some(Account {
        email: "ada@example.org".to_owned(),
        ..Account::default()
    });
    let tokens = Some(pair());
    match path {
        SIGN_UP => frame(&SignUpResponse { account, tokens }),
        SIGN_IN => frame(&SignInResponse { account, tokens }),
        REFRESH => frame(&RefreshTokensResponse { tokens }),
        CHANGE_PASSWORD => frame(&ChangePasswordResponse { tokens }),
        _ => frame(&()),
    }
}

fn respond(path: &str, behaviour: Behaviour) -> Response {
    let mut trailers = HeaderMap::from_iter([(
        "grpc-status".parse().unwrap(),
        HeaderValue::from_static("0"),
    )]);
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("set-cookie", HeaderValue::from_static("of-the-service=1"));
    let frames = match behaviour {
        Behaviour::Succeed => success(path),
        Behaviour::Frames(frames) => frames,
        Behaviour::Break => {
            let mut response = Response::new(Body::from(success(path)));
            *response.headers_mut() = headers;
            return response;
        }
        Behaviour::Refuse(code, reason, place) => {
            let details = ErrorDetails::with_error_info(reason, "tandem", HashMap::new());
            let status = Status::with_error_details(code, "no", details);
            trailers.clear();
            status.add_header(&mut trailers).unwrap();
            match place {
                Place::Headers => {
                    headers.extend(std::mem::take(&mut trailers));
                    Vec::new()
                }
                Place::Trailers => Vec::new(),
                Place::TrailersAfterMessage => success(path),
            }
        }
    };
    let trailers = std::future::ready(Some(Ok(trailers)));
    let mut response = Response::new(Body::new(Full::from(frames).with_trailers(trailers)));
    *response.headers_mut() = headers;
    response
}

/// A gateway in front of the service.
pub(crate) struct Site {
    pub(crate) gateway: Running,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Site {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        Self::with(behaviour, |_| {}).await
    }

    pub(crate) async fn with(behaviour: Behaviour, adjust: impl FnOnce(&mut Config)) -> Self {
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let seen = Arc::clone(&received);
        let answer = move |request: Request| async move {
            let (parts, body) = request.into_parts();
            let frame = body.collect().await.unwrap().to_bytes();
            // The gateway watches the health of the service too.
            if parts.uri.path().starts_with("/tandem.") {
                seen.lock().unwrap().push(Received {
                    headers: parts.headers,
                    message: frame[5..].to_vec(),
                });
            }
            respond(parts.uri.path(), behaviour)
        };
        let upstream = service::start_raw(answer).await;
        let gateway = gateway(upstream, upstream, adjust).await;
        Self { gateway, received }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.address
    }

    /// The name of the cookie for a browser on this machine.
    pub(crate) fn name(&self) -> String {
        format!("tandem-refresh-{}", self.address().port())
    }

    /// The cookie with the old token.
    pub(crate) fn cookie(&self) -> String {
        format!("{}={SESSION}.{OLD_TOKEN}", self.name())
    }

    /// What the service got in the only call.
    pub(crate) fn received(&self) -> Received {
        let mut all = self.received.lock().unwrap();
        assert_eq!(all.len(), 1, "calls of the service");
        all.remove(0)
    }

    /// Asserts that no call has reached the service.
    #[track_caller]
    pub(crate) fn assert_uncalled(&self) {
        assert!(
            self.received.lock().unwrap().is_empty(),
            "the service was called"
        );
    }

    /// A call as a page of the gateway makes it, with this cookie and more headers.
    pub(crate) async fn call(
        &self,
        path: &str,
        message: &impl Message,
        cookie: &str,
        more: &[(&str, &str)],
    ) -> Answer {
        let mut headers = vec![OPT_IN, SAME_ORIGIN];
        if !cookie.is_empty() {
            headers.push(("cookie", cookie));
        }
        headers.extend_from_slice(more);
        self.call_with(path, message, &headers).await
    }

    /// A call with exactly these headers, and those of gRPC-web if it has no others.
    pub(crate) async fn call_with(
        &self,
        path: &str,
        message: &impl Message,
        headers: &[(&str, &str)],
    ) -> Answer {
        let host = format!("localhost:{}", self.address().port());
        let defaults = [("host", host.as_str()), ("content-type", BINARY)];
        let missing = defaults
            .iter()
            .filter(|(name, _)| !headers.iter().any(|(given, _)| given == name));
        let mut request = http::Request::builder().method(Method::POST).uri(path);
        for (name, value) in headers.iter().chain(missing) {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(frame(message))).unwrap();
        client::send(self.address(), request).await
    }
}

/// A refresh without a token of its own.
pub(crate) fn empty_refresh() -> RefreshTokensRequest {
    RefreshTokensRequest {
        refresh_token: String::new(),
        attempt_tag: TAG.to_vec(),
    }
}

/// The values of `Set-Cookie`.
pub(crate) fn set_cookies(answer: &Answer) -> Vec<&str> {
    let values = answer.headers.get_all("set-cookie").iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

/// Asserts that the answer deletes the cookie of this name for plain http, and nothing else.
#[track_caller]
pub(crate) fn assert_deleted(answer: &Answer, name: &str) {
    let deleted = format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    assert_eq!(set_cookies(answer), [deleted]);
    assert_eq!(answer.header("cache-control"), "no-store");
}
