//! The access line of a call: its fields, when it is written, and what it never holds.

use std::{
    io,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use contract::proto::auth::{SignInRequest, SignOutRequest, SignUpRequest};
use serde_json::{Value, json};
use testing::assert_refused;
use tonic::{Code, Request, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;

use crate::probe::{Served, limits, serve};

/// Everything that the servers of these tests log.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(|| &*LOG)
        .init();
    Log::default()
});

#[derive(Default)]
struct Log(Mutex<Vec<u8>>);

impl io::Write for &Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(log.clone()).unwrap()
    }

    /// Waits for the access line with this request id.
    async fn line(&self, id: &str) -> Value {
        let found = async {
            loop {
                let text = self.text();
                let lines = text
                    .lines()
                    .filter_map(|line| serde_json::from_str::<Value>(line).ok());
                let mut own =
                    lines.filter(|line| line["target"] == "access" && line["request_id"] == id);
                if let Some(line) = own.next() {
                    assert_eq!(own.next(), None, "one line for each call");
                    return line;
                }
                tokio::task::yield_now().await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(10), found).await;
        found.unwrap_or_else(|_| panic!("no line of {id} in {}", self.text()))
    }
}

async fn served() -> Served {
    LazyLock::force(&LOG);
    serve(limits()).await
}

fn with_id<T>(id: &'static str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert("x-request-id", id.parse().unwrap());
    request
}

#[tokio::test]
async fn an_answered_call_is_one_line_with_numbers_as_numbers_and_without_a_field_for_what_is_unknown()
 {
    let mut served = served().await;
    let call = with_id("line-ok", SignOutRequest::default());
    served.client.sign_out(call).await.unwrap();
    let line = LOG.line("line-ok").await;
    let path = "/tandem.auth.v1.AuthService/SignOut";
    let names = ["message", "method", "path", "rpc", "status", "code", "peer"];
    assert_eq!(
        json!(names.map(|name| &line[name])),
        json!(["request", "POST", path, path[1..], 200, "OK", "127.0.0.1"])
    );
    assert!(line["ms"].as_f64().unwrap() > 0.0, "{line}");
    for unknown in ["reason", "user", "session", "trace_id", "service", "span"] {
        assert!(line.get(unknown).is_none(), "{unknown}: {line}");
    }
}

#[tokio::test]
async fn a_refused_call_has_its_code_and_its_reason() {
    let mut served = served().await;
    let call = with_id("line-refused", SignUpRequest::default());
    let refused = served.client.sign_up(call).await.unwrap_err();
    assert_refused(&refused, Code::Internal, "INTERNAL");
    let line = LOG.line("line-refused").await;
    assert_eq!(
        json!([line["code"], line["reason"], line["status"]]),
        json!(["INTERNAL", "INTERNAL", 200])
    );
}

#[tokio::test]
async fn a_call_whose_client_goes_away_is_logged_as_cancelled_without_an_http_status() {
    let served = served().await;
    let mut client = served.client.clone();
    let call = with_id("line-gone", SignInRequest::default());
    let call = tokio::spawn(async move { client.sign_in(call).await });
    served.sign_in_has_started().await;
    call.abort();
    let line = LOG.line("line-gone").await;
    assert_eq!(line["code"], "CANCELLED");
    assert!(line.get("status").is_none(), "{line}");
}

#[tokio::test]
async fn a_call_of_no_rpc_does_not_show_its_path_which_is_text_of_the_client() {
    let served = served().await;
    let mut grpc = Grpc::new(served.channel.clone());
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/tandem.auth.v1.AuthService/Secret?secret");
    let codec = ProstCodec::<SignInRequest, SignInRequest>::default();
    let call = with_id("line-unknown", SignInRequest::default());
    let refused = grpc.unary(call, path, codec).await.unwrap_err();
    assert_refused(&refused, Code::Unimplemented, "METHOD_UNKNOWN");
    let line = LOG.line("line-unknown").await;
    assert_eq!(line["code"], "UNIMPLEMENTED");
    for name in ["path", "rpc"] {
        assert!(line.get(name).is_none(), "{line}");
    }
}
