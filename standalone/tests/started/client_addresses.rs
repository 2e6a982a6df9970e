//! The address of a client behind a proxy and the gateway: throttling, sessions and audit events use it.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

use contract::proto::auth::{
    ListSessionsRequest, ListSessionsResponse, SignInRequest, SignUpRequest, SignUpResponse,
};
use sqlx::{Connection as _, PgConnection};

use crate::{
    browser::{call, post},
    stack::Stack,
};

const SIGN_UP: &str = "tandem.auth.v1.AuthService/SignUp";
const SIGN_IN: &str = "tandem.auth.v1.AuthService/SignIn";
const LIST_SESSIONS: &str = "tandem.auth.v1.AccountService/ListSessions";
/// What a client sends to be taken for another address.
const FORGED: &str = "x-forwarded-for: 198.51.100.66";

/// Starts a proxy in front of `gateway` whose clients all have the address `client`. Like nginx with
/// `$proxy_add_x_forwarded_for`, it appends the address to each request. It serves one request for each connection.
fn proxy(gateway: SocketAddr, client: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            forward(stream.unwrap(), gateway, client);
        }
    });
    address
}

/// Forwards one request and its answer.
fn forward(mut browser: TcpStream, gateway: SocketAddr, client: &str) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    let end = loop {
        let read = browser.read(&mut chunk).unwrap();
        request.extend_from_slice(&chunk[..read]);
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 2;
        }
    };
    let header = format!("x-forwarded-for: {client}\r\n");
    request.splice(end..end, header.into_bytes());
    let mut upstream = TcpStream::connect(gateway).unwrap();
    upstream.write_all(&request).unwrap();
    let mut answer = upstream.try_clone().unwrap();
    let mut back = browser.try_clone().unwrap();
    let answering = thread::spawn(move || {
        io::copy(&mut answer, &mut back).unwrap();
        back.shutdown(Shutdown::Write).unwrap();
    });
    // The rest of the request, until the browser closes its connection.
    let _gateway_may_have_closed = io::copy(&mut browser, &mut upstream);
    answering.join().unwrap();
}

/// What a browser gets that tries a wrong password.
fn wrong_password(gateway: SocketAddr, number: usize) -> String {
    let request = SignInRequest {
        email: format!("nobody{number}@example.org"),
        password: "a wrong password".to_owned(),
        ..Default::default()
    };
    let answer = post(gateway, SIGN_IN, &request, &[FORGED]);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The addresses in the audit events of an account.
pub(crate) async fn audited(stack: &Stack, account: &str) -> Vec<String> {
    let mut database = PgConnection::connect(stack.database_url()).await.unwrap();
    let query = "select distinct ip from auth.audit_event where account_id = $1::uuid";
    let addresses = sqlx::query_scalar(query).bind(account);
    addresses.fetch_all(&mut database).await.unwrap()
}

#[tokio::test]
async fn behind_a_proxy_each_browser_is_an_address_of_its_own_from_the_gateway_to_the_audit_log() {
    let burst = [("TANDEM_AUTH__THROTTLE__ADDRESS_BURST", "3")];
    let stack = Stack::start_with(&burst).await;
    let gateway = stack.addresses().gateway;
    let guessing = proxy(gateway, "203.0.113.1");
    for number in 0..3 {
        let answer = wrong_password(guessing, number);
        assert!(answer.contains("grpc-status: 16"), "{answer}");
    }
    let limited = wrong_password(guessing, 3);
    assert!(limited.contains("grpc-status: 8"), "{limited}");

    let honest = proxy(gateway, "2001:db8::7");
    let request = SignUpRequest {
        email: "ada@example.org".to_owned(),
        password: "correct horse battery staple".to_owned(),
        ..Default::default()
    };
    let signed_up: SignUpResponse = call(honest, SIGN_UP, &request, &[FORGED]);
    let token = signed_up.tokens.unwrap().access_token;
    let bearer = format!("authorization: Bearer {token}");
    let sessions: ListSessionsResponse =
        call(honest, LIST_SESSIONS, &ListSessionsRequest {}, &[&bearer]);
    assert_eq!(sessions.sessions[0].ip, "2001:db8::7");
    let account = signed_up.account.unwrap().id;
    assert_eq!(audited(&stack, &account).await, ["2001:db8::7"]);
}
