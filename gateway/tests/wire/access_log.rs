//! The access log: one line per request.

use std::{
    io,
    sync::{LazyLock, Mutex},
};

use serde_json::{Value, json};

use crate::{
    client::{self, BINARY, frame},
    gateway_to,
    service::{self, CREATE, GET},
};

/// Everything that the gateways of these tests log. It is installed before the first gateway, so that it misses no line.
pub(crate) static LOG: LazyLock<Log> = LazyLock::new(|| {
    tracing_subscriber::fmt()
        .json()
        .with_writer(|| &*LOG)
        .init();
    Log::default()
});

/// Log lines, as text.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<u8>>);

impl io::Write for &Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The fields of the request lines with this request id.
    fn requests(&self, id: &str) -> Vec<Value> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["fields"].take())
            .filter(|fields| fields["message"] == "request" && fields["request_id"] == id)
            .collect()
    }
}

#[tokio::test]
async fn a_request_is_logged_as_one_line_without_its_secrets() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    let headers = [
        ("content-type", BINARY),
        ("authorization", "Bearer s3cret"),
        ("x-request-id", "logged-once"),
        ("cookie", "s3cret"),
    ];
    let path = |path: &str| format!("{path}?token=s3cret");
    client::call_with(gateway.address, &path(CREATE), &headers, frame(&())).await;
    client::call_with(gateway.address, &path(GET), &headers, frame(&())).await;
    client::send(
        gateway.address,
        client::request(http::Method::GET, "/nothing", &headers, "s3cret"),
    )
    .await;

    let lines = LOG.requests("logged-once");
    let expected = [
        json!(["POST", CREATE, CREATE[1..], 200, "OK"]),
        json!(["POST", GET, GET[1..], 200, "NOT_FOUND"]),
        json!(["GET", "/nothing", null, 404, null]),
    ];
    let names = ["method", "path", "rpc", "status", "code"];
    let logged = lines
        .iter()
        .map(|line| json!(names.map(|name| &line[name])));
    assert_eq!(logged.collect::<Vec<_>>(), expected);
    for line in &lines {
        assert_eq!(line["service"], "tandem-gateway");
        assert_eq!(line["request_id"], "logged-once");
        assert_eq!(line["peer"], "127.0.0.1");
        assert!(line["ms"].is_f64());
    }
    assert!(!LOG.text().contains("s3cret"));
}
