//! What holds behind every proxy that is shipped, and how one is started.

use std::fs;

use contract::proto::auth::{
    ListSessionsRequest, ListSessionsResponse, RefreshTokensRequest, RefreshTokensResponse,
    SignUpRequest, SignUpResponse,
};

use crate::{
    client_addresses::audited,
    clients::{BufCurl, use_every_method_as},
    https::{Https, message},
    stack::Stack,
    tools::workspace,
};

/// Where a browser comes from.
const BROWSER: &str = "127.0.0.3";

/// A shipped file, of which only these texts are replaced.
pub(crate) fn shipped(file: &str, replacements: &[(&str, String)]) -> String {
    let shipped = fs::read_to_string(workspace().join(file)).unwrap();
    replacements.iter().fold(shipped, |text, (shipped, own)| {
        assert!(text.contains(shipped), "{file} has no {shipped}");
        text.replace(shipped, own)
    })
}

/// The addresses of the stack, in place of those in a shipped file.
pub(crate) fn addresses(stack: &Stack) -> [(&'static str, String); 3] {
    let addresses = stack.addresses();
    [
        ("127.0.0.1:50051", addresses.auth.to_string()),
        ("127.0.0.1:50052", addresses.task.to_string()),
        ("127.0.0.1:8080", addresses.gateway.to_string()),
    ]
}

/// Calls every method through the proxy over each of these protocols, with buf curl.
pub(crate) fn use_every_method(stack: &Stack, https: &Https, protocols: &[&str]) {
    let authority = https.folder.path("ca.pem").display().to_string();
    let schema = workspace().join("proto").display().to_string();
    for protocol in protocols {
        let arguments = [
            "--protocol",
            protocol,
            "--cacert",
            &authority,
            "--schema",
            &schema,
        ];
        let base = format!("https://{}:{}", https.name, https.port);
        let curl = BufCurl::new(stack, base, &arguments);
        use_every_method_as(&format!("{protocol}@example.com"), &curl, &curl);
    }
}

/// The session and the audit log have the address of the browser, whatever it pretends.
pub(crate) async fn assert_each_browser_is_an_address_of_its_own(stack: &Stack, https: &Https) {
    let method = "tandem.auth.v1.AuthService/SignUp";
    let answer = https.call_as_browser(BROWSER, method, &sign_up(), "");
    let signed_up: SignUpResponse = message(&answer);
    let token = signed_up.tokens.unwrap().access_token;
    let answer = https.call_as_browser(
        BROWSER,
        "tandem.auth.v1.AccountService/ListSessions",
        &ListSessionsRequest {},
        &format!("--header 'authorization: Bearer {token}'"),
    );
    let sessions: ListSessionsResponse = message(&answer);
    assert_eq!(sessions.sessions[0].ip, BROWSER);
    let account = signed_up.account.unwrap().id;
    assert_eq!(audited(stack, &account).await, [BROWSER]);
}

/// A browser that says no more than its origin, as an older one does, keeps its refresh token in the cookie of https.
pub(crate) fn assert_the_refresh_token_stays_in_the_cookie(https: &Https) {
    let jar = https.folder.path("jar").display().to_string();
    let options = format!(
        "--cookie {jar} --cookie-jar {jar} --header 'tandem-session: cookie' --header 'origin: https://{}:{}'",
        https.name, https.port
    );
    let method = "tandem.auth.v1.AuthService/SignUp";
    let answer = https.call_as_browser(BROWSER, method, &sign_up(), &options);
    let signed_up: SignUpResponse = message(&answer);
    assert_eq!(signed_up.tokens.unwrap().refresh_token, "");
    let kept = fs::read_to_string(&jar).unwrap();
    let line = format!("#HttpOnly_{}\tFALSE\t/\tTRUE\t", https.name);
    assert!(kept.contains(&line) && kept.contains("\t__Host-Http-tandem-refresh\t"));
    let refresh = RefreshTokensRequest {
        attempt_tag: vec![1; 32],
        ..RefreshTokensRequest::default()
    };
    let method = "tandem.auth.v1.AuthService/RefreshTokens";
    let answer = https.call_as_browser(BROWSER, method, &refresh, &options);
    message::<RefreshTokensResponse>(&answer);
    assert_ne!(fs::read_to_string(&jar).unwrap(), kept);
}

fn sign_up() -> SignUpRequest {
    SignUpRequest {
        email: "ada@example.org".to_owned(),
        password: "correct horse battery staple".to_owned(),
        attempt_tag: vec![1; 32],
        ..SignUpRequest::default()
    }
}
