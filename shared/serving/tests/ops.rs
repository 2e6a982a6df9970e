//! The operations port, called by probes, Prometheus and operators.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::SocketAddr, time::Duration};

use contract::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use serving::{
    health::{Health, Readiness},
    ops::{Ops, OpsListen, RunningOps},
};
use settings::{Listing, Setting as _, Settings, Source};
use telemetry::{metrics::Metrics, trace::Otlp};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// Longer than any step takes. Only a test that fails waits this long.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

struct Port {
    address: SocketAddr,
    running: RunningOps,
}

/// The listing of one setting.
fn listing() -> Listing {
    let mut settings = Settings::load(Source {
        defaults: &["[auth]\nlisten = \"here\"\n"],
        sections: &["auth"],
        generated: Vec::new(),
        directory: "/nowhere".into(),
        environment: Vec::new(),
    });
    assert_eq!(settings.get("auth.listen"), Some("here".to_owned()));
    settings.listing()
}

async fn open(health: &Health) -> Port {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ops = Ops::with_listener(listener, listing());
    let metrics = ops.metrics(&Otlp::default(), "probed").unwrap();
    health.register_metrics(&metrics);
    Port {
        address,
        running: ops.start(health.clone(), metrics),
    }
}

/// The whole answer to one HTTP/1.1 request.
async fn send(address: SocketAddr, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(TEST_TIMEOUT, read).await.unwrap().unwrap();
    answer
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = send(address, "GET", path).await;
    let status = answer[9..12].parse().unwrap();
    let (_head, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

#[tokio::test]
async fn readiness_names_the_failing_conditions_and_liveness_ignores_them() {
    let health = Health::new(["a.Service"]);
    let port = open(&health).await;
    let (code, body) = get(port.address, "/readyz").await;
    assert_eq!((code, body.contains("start")), (503, true), "{body}");

    let (database, database_holds) = watch::channel(false);
    let (schema, schema_holds) = watch::channel(false);
    let readiness = Readiness::new(vec![("database", database_holds), ("schema", schema_holds)]);
    let stop = CancellationToken::new();
    let following = tokio::spawn(readiness.follow(health.clone(), stop.clone()));
    schema.send_replace(true);
    let failing = r#"{"failing":["database"],"status":"not ready"}"#;
    until_readyz(port.address, 503, failing).await;
    assert_eq!(
        get(port.address, "/livez").await,
        (200, "live\n".to_owned())
    );
    database.send_replace(true);
    until_readyz(port.address, 200, r#"{"failing":[],"status":"ready"}"#).await;
    assert!(
        get(port.address, "/metrics")
            .await
            .1
            .contains("\ntandem_ready 1\n")
    );

    health.drain();
    until_readyz(port.address, 503, r#"{"failing":[],"status":"draining"}"#).await;
    assert_eq!(get(port.address, "/livez").await.0, 200);
    assert!(
        get(port.address, "/metrics")
            .await
            .1
            .contains("\ntandem_ready 0\n")
    );
    stop.cancel();
    following.await.unwrap();
}

/// Polls readiness until it answers with `code` and `body`.
async fn until_readyz(address: SocketAddr, code: u16, body: &str) {
    let expected = (code, body.to_owned());
    let polling = async { while get(address, "/readyz").await != expected {} };
    timeout(TEST_TIMEOUT, polling)
        .await
        .unwrap_or_else(|_| panic!("never {expected:?}"));
}

#[tokio::test]
async fn metrics_and_settings_are_shown_and_other_paths_are_not_found() {
    let port = open(&Health::new([])).await;
    let answer = send(port.address, "GET", "/metrics").await;
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4\r\n"),
        "{answer}"
    );
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("tandem_build_info{{service=\"probed\",version=\"{version}\"}} 1");
    assert!(answer.contains(&build), "{answer}");
    assert!(answer.contains("\nprocess_start_time_seconds "), "{answer}");
    let (code, settings) = get(port.address, "/configz").await;
    let shown = "auth.listen = \"here\" (from the default)\n";
    assert_eq!((code, settings.as_str()), (200, shown));
    for path in ["/", "/metrics/", "/debug", "/configz/x"] {
        assert_eq!(get(port.address, path).await.0, 404, "{path}");
    }
    for path in ["/livez", "/readyz", "/metrics", "/configz"] {
        assert!(
            send(port.address, "HEAD", path).await.contains("HTTP/1.1 "),
            "{path}"
        );
        for method in ["POST", "PUT", "DELETE"] {
            let answer = send(port.address, method, path).await;
            assert!(
                answer.starts_with("HTTP/1.1 405"),
                "{method} {path}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn grpc_health_is_served_on_the_same_port() {
    let health = Health::new([]);
    let port = open(&health).await;
    let channel = Channel::from_shared(format!("http://{}", port.address)).unwrap();
    let mut client = HealthClient::new(channel.connect().await.unwrap());
    let readiness = || HealthCheckRequest {
        service: "readiness".to_owned(),
    };
    let before = client.check(readiness()).await.unwrap().into_inner();
    assert_eq!(before.status(), ServingStatus::NotServing);
    health.set_ready(true);
    let after = client.check(readiness()).await.unwrap().into_inner();
    assert_eq!(after.status(), ServingStatus::Serving);
}

#[tokio::test]
async fn a_client_that_sends_nothing_or_half_a_header_is_disconnected() {
    let port = open(&Health::new([])).await;
    let silent = TcpStream::connect(port.address).await.unwrap();
    let mut slow = TcpStream::connect(port.address).await.unwrap();
    slow.write_all(b"GET /livez HTTP/1.1\r\nhost:")
        .await
        .unwrap();
    let mut half = TcpStream::connect(port.address).await.unwrap();
    half.write_all(b"PRI * HTT").await.unwrap();
    for mut stream in [silent, slow, half] {
        let mut rest = Vec::new();
        // The connection may be closed or reset.
        let _ended = timeout(TEST_TIMEOUT, stream.read_to_end(&mut rest))
            .await
            .expect("the connection is closed");
    }
    assert_eq!(get(port.address, "/livez").await.0, 200);
}

#[tokio::test]
async fn connections_over_the_cap_are_closed_and_the_others_go_on() {
    let port = open(&Health::new([])).await;
    let mut first = TcpStream::connect(port.address).await.unwrap();
    first
        .write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    first.read_exact(&mut answer).await.unwrap();
    let mut others = Vec::new();
    for _ in 0..63 {
        others.push(TcpStream::connect(port.address).await.unwrap());
    }
    let mut last = TcpStream::connect(port.address).await.unwrap();
    let closed = timeout(Duration::from_secs(3), last.read(&mut [0])).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
    first
        .write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    first.read_exact(&mut answer).await.unwrap();
}

#[tokio::test]
async fn it_stops_in_time_although_a_connection_is_idle() {
    let port = open(&Health::new([])).await;
    let mut idle = TcpStream::connect(port.address).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    idle.read_exact(&mut [0; 12]).await.unwrap();
    timeout(Duration::from_secs(3), port.running.stop())
        .await
        .expect("it stops in time");
    assert!(TcpStream::connect(port.address).await.is_err());
}

#[tokio::test]
async fn without_a_listener_and_a_collector_nothing_is_counted() {
    let ops = Ops::none();
    let metrics: Metrics = ops.metrics(&Otlp::default(), "nobody").unwrap();
    assert_eq!(metrics.text(), "");
    ops.start(Health::new([]), metrics).stop().await;
}

#[test]
fn the_setting_is_an_address_or_off() {
    assert_eq!(OpsListen::parse("off"), Ok(OpsListen(None)));
    let address = "127.0.0.1:9051".parse().unwrap();
    assert_eq!(
        OpsListen::parse("127.0.0.1:9051"),
        Ok(OpsListen(Some(address)))
    );
    for wrong in ["9051", "localhost:1", "on", "127.0.0.1"] {
        let problem = OpsListen::parse(wrong).unwrap_err();
        assert!(problem.contains("nor off"), "{problem}");
    }
}

#[tokio::test]
async fn a_request_without_one_host_and_one_for_health_that_is_not_grpc_are_refused() {
    let health = Health::new([]);
    health.set_ready(true);
    let port = open(&health).await;
    let check = "POST /grpc.health.v1.Health/Check HTTP/1.1\r\nhost: x\r\n";
    for (request, status) in [
        ("GET /readyz HTTP/1.1\r\n".to_owned(), "400"),
        (
            "GET /readyz HTTP/1.1\r\nhost: a\r\nhost: b\r\n".to_owned(),
            "400",
        ),
        (format!("{check}content-type: text/plain\r\n"), "415"),
        (format!("{check}content-type: application/grpc\r\n"), "200"),
    ] {
        let mut stream = TcpStream::connect(port.address).await.unwrap();
        let request = format!("{request}content-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        timeout(TEST_TIMEOUT, read).await.unwrap().unwrap();
        assert_eq!(&answer[9..12], status, "{request}: {answer}");
    }
}
