//! Refresh tokens in cookies, from a browser through the gateway to the auth service.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use contract::proto::auth::{
    ChangePasswordRequest, ChangePasswordResponse, DeleteAccountRequest, RefreshTokensRequest,
    RefreshTokensResponse, SignOutRequest, SignUpRequest, SignUpResponse, TokenPair,
};
use prost::Message;
use testing::{Folder, Process, certificates::Authority};

use crate::{
    browser::{self, WebAnswer},
    services::{gateway_variables, serve},
    stack::Stack,
    tools::{installed, run_within, workspace},
};

const SIGN_UP: &str = "tandem.auth.v1.AuthService/SignUp";
const REFRESH: &str = "tandem.auth.v1.AuthService/RefreshTokens";
const SIGN_OUT: &str = "tandem.auth.v1.AuthService/SignOut";
const CHANGE_PASSWORD: &str = "tandem.auth.v1.AccountService/ChangePassword";
const DELETE_ACCOUNT: &str = "tandem.auth.v1.AccountService/DeleteAccount";
const PASSWORD: &str = "correct horse battery staple";
const TAG: [u8; 32] = [1; 32];
const OTHER_TAG: [u8; 32] = [2; 32];
/// Chromium starts slowly on a busy machine.
const CHROMIUM_TIMEOUT: Duration = Duration::from_mins(10);

/// A browser with one gateway's cookie.
#[derive(Clone)]
struct Browser {
    gateway: SocketAddr,
    /// `name=value`.
    cookie: Option<String>,
    tokens: TokenPair,
}

impl Browser {
    /// Signs up, with the attempt tag of this device.
    fn sign_up(gateway: SocketAddr, email: &str) -> Self {
        let mut browser = Self {
            gateway,
            cookie: None,
            tokens: TokenPair::default(),
        };
        let request = SignUpRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            attempt_tag: TAG.to_vec(),
            ..SignUpRequest::default()
        };
        let answer: SignUpResponse = browser.call(SIGN_UP, &request).message();
        browser.keep(answer.tokens);
        browser
    }

    fn keep(&mut self, tokens: Option<TokenPair>) {
        let tokens = tokens.unwrap();
        assert_eq!(tokens.refresh_token, "");
        let id = format!("={}.", tokens.session_id);
        assert!(self.cookie.as_ref().unwrap().contains(&id));
        self.tokens = tokens;
    }

    /// A call of a page of the gateway, whose `Set-Cookie` the browser follows.
    fn call(&mut self, method: &str, message: &impl Message) -> WebAnswer {
        let answer = self.send(method, message);
        if let Some(set) = answer.header("set-cookie") {
            let (pair, attributes) = set.split_once("; ").unwrap();
            assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite=Strict"));
            let deleted = attributes.contains("Max-Age=0");
            self.cookie = (!deleted).then(|| pair.to_owned());
        }
        answer
    }

    /// A call whose answer does not reach the browser's cookies.
    fn send(&self, method: &str, message: &impl Message) -> WebAnswer {
        let cookie = self
            .cookie
            .as_ref()
            .map(|cookie| format!("cookie: {cookie}"));
        let bearer = format!("authorization: Bearer {}", self.tokens.access_token);
        let mut headers = vec!["tandem-session: cookie", "sec-fetch-site: same-origin"];
        headers.extend(cookie.as_deref());
        if !self.tokens.access_token.is_empty() {
            headers.push(&bearer);
        }
        browser::exchange(self.gateway, method, message, &headers)
    }

    fn refresh(&mut self, tag: [u8; 32]) -> WebAnswer {
        let answer = self.call(REFRESH, &empty_refresh(tag));
        if answer.status() == 0 {
            self.keep(answer.message::<RefreshTokensResponse>().tokens);
        }
        answer
    }

    #[track_caller]
    fn assert_refresh_refused(&mut self, tag: [u8; 32], reason: &str) {
        let answer = self.refresh(tag);
        assert_eq!((answer.status(), answer.reason().as_str()), (16, reason));
    }
}

fn empty_refresh(tag: [u8; 32]) -> RefreshTokensRequest {
    RefreshTokensRequest {
        refresh_token: String::new(),
        attempt_tag: tag.to_vec(),
    }
}

#[tokio::test]
async fn a_session_in_a_cookie_goes_on_after_a_lost_answer_and_ends_with_the_sign_out() {
    let stack = Stack::start().await;
    let mut browser = Browser::sign_up(stack.addresses().gateway, "ada@example.org");
    assert_eq!(browser.refresh(TAG).status(), 0);
    // The answer is lost on the way: the old cookie and the same tag get the same cookie.
    let lost = browser.send(REFRESH, &empty_refresh(TAG));
    let repeated = browser.refresh(TAG);
    assert_eq!(lost.status(), 0);
    // All but the age, which is counted from the answer.
    let cookie = |answer: &WebAnswer| {
        let set = answer.header("set-cookie").unwrap();
        set.split(';').next().unwrap().to_owned()
    };
    assert_eq!(cookie(&repeated), cookie(&lost));
    assert_eq!(browser.refresh(TAG).status(), 0);

    let copy = browser.clone();
    assert_eq!(
        browser.call(SIGN_OUT, &SignOutRequest::default()).status(),
        0
    );
    assert_eq!(browser.cookie, None);
    browser.assert_refresh_refused(TAG, "REFRESH_TOKEN_INVALID");
    let mut copy = copy;
    copy.assert_refresh_refused(TAG, "SESSION_REVOKED");
    assert_eq!(copy.cookie, None);
}

#[tokio::test]
async fn a_copy_of_the_cookie_in_another_client_ends_the_session() {
    let stack = Stack::start().await;
    for (number, owner_first) in [true, false].into_iter().enumerate() {
        let email = format!("ada{number}@example.org");
        let mut owner = Browser::sign_up(stack.addresses().gateway, &email);
        let mut thief = owner.clone();
        let (first, second, tags) = if owner_first {
            (&mut owner, &mut thief, [TAG, OTHER_TAG])
        } else {
            (&mut thief, &mut owner, [OTHER_TAG, TAG])
        };
        assert_eq!(first.refresh(tags[0]).status(), 0);
        second.assert_refresh_refused(tags[1], "REFRESH_TOKEN_REUSED");
        assert_eq!(second.cookie, None);
        first.assert_refresh_refused(tags[0], "SESSION_REVOKED");
        assert_eq!(first.cookie, None);
    }
}

#[tokio::test]
async fn after_the_browser_has_erased_the_tag_a_new_one_is_good_with_the_cookie() {
    let stack = Stack::start().await;
    let mut browser = Browser::sign_up(stack.addresses().gateway, "ada@example.org");
    assert_eq!(browser.refresh(TAG).status(), 0);
    let mut thief = browser.clone();
    for _ in 0..2 {
        assert_eq!(browser.refresh(OTHER_TAG).status(), 0);
    }
    thief.assert_refresh_refused(TAG, "REFRESH_TOKEN_REUSED");
}

#[tokio::test]
async fn a_new_password_gives_a_new_cookie_and_the_end_of_the_account_deletes_it() {
    let stack = Stack::start().await;
    let mut browser = Browser::sign_up(stack.addresses().gateway, "ada@example.org");
    let mut old = browser.clone();
    let request = ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: "another horse battery staple".to_owned(),
        ..ChangePasswordRequest::default()
    };
    let answer: ChangePasswordResponse = browser.call(CHANGE_PASSWORD, &request).message();
    browser.keep(answer.tokens);
    assert_eq!(browser.refresh(TAG).status(), 0);
    old.assert_refresh_refused(TAG, "REFRESH_TOKEN_INVALID");
    let request = DeleteAccountRequest {
        current_password: "another horse battery staple".to_owned(),
    };
    assert_eq!(browser.call(DELETE_ACCOUNT, &request).status(), 0);
    assert_eq!(browser.cookie, None);
}

#[tokio::test]
async fn two_gateways_on_one_host_have_cookies_of_their_own() {
    let (one, other) = (Stack::start().await, Stack::start().await);
    let mut browser = Browser::sign_up(one.addresses().gateway, "ada@example.org");
    let at_other = Browser::sign_up(other.addresses().gateway, "ada@example.org");
    // A browser sends both cookies to both gateways.
    let (own, others) = (browser.cookie.take().unwrap(), at_other.cookie.unwrap());
    browser.cookie = Some(format!("{others}; {own}"));
    assert_eq!(browser.refresh(TAG).status(), 0);
    browser.cookie = Some(others);
    browser.assert_refresh_refused(TAG, "REFRESH_TOKEN_INVALID");
    assert!(browser.cookie.is_some(), "the other gateway's cookie stays");
}

/// A gateway with TLS for `app.test`, in front of the services of `stack`.
async fn secure_gateway(stack: &Stack, folder: &Folder) -> (Process, String) {
    let authority = Authority::new("browsers");
    let (certificate, key) = folder.write_identity("gateway", &authority.issue(&["app.test"]));
    let addresses = stack.addresses();
    let (auth, task) = (addresses.auth.to_string(), addresses.task.to_string());
    let text = |path: PathBuf| path.display().to_string();
    let mut variables = gateway_variables(&auth, &task);
    variables.push(("TANDEM_GATEWAY__TLS__CERTIFICATE", text(certificate)));
    variables.push(("TANDEM_GATEWAY__TLS__KEY", text(key)));
    variables.push(("TANDEM_GATEWAY__OPS__LISTEN", "off".to_owned()));
    let (process, address) = serve("gateway", variables).await;
    let (_, port) = address.split_once(':').unwrap();
    (process, format!("https://app.test:{port}"))
}

#[tokio::test]
async fn in_chromium_no_script_and_no_other_site_uses_the_cookie() {
    let many = [("TANDEM_AUTH__THROTTLE__ADDRESS_BURST", "1000")];
    let (stack, other) = (Stack::start_with(&many).await, Stack::start().await);
    let folder = Folder::new();
    let (_process, secure) = secure_gateway(&stack, &folder).await;
    let at = |stack: &Stack| format!("http://localhost:{}", stack.addresses().gateway.port());
    let (gateway, other_gateway) = (at(&stack), at(&other));
    let chromium = installed("TEST_CHROMIUM").display().to_string();
    let script = workspace().join("web/tests/cookies.mjs");
    let variables = [
        ("GATEWAY", gateway.as_str()),
        ("OTHER_GATEWAY", &other_gateway),
        ("SECURE_GATEWAY", &secure),
        ("CHROMIUM", &chromium),
        ("HOME", &folder.text()),
    ];
    let node: &Path = &installed("TEST_NODE");
    let output = run_within(
        CHROMIUM_TIMEOUT,
        node,
        &[script.to_str().unwrap()],
        &variables,
    );
    let claims = output.stdout_of_success();
    assert_eq!(
        claims
            .lines()
            .filter(|line| line.starts_with("ok: "))
            .count(),
        18,
        "{claims}"
    );
}
