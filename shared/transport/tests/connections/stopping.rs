//! The end of a listener with TLS, and its metrics.

use contract::proto::health::health_server::HealthServer;
use serving::health::Health;
use telemetry::metrics::Metrics;
use testing::certificates::Folder;
use tls::{Files, Protocols, ServerTls};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tonic::{body::Body, service::Routes};
use tower::ServiceExt as _;
use transport::connections::Connections;

use crate::{
    fixture::{CHECK_INTERVAL, TEST_TIMEOUT, certified, limits, shake_hands},
    frames::{PREFACE, SETTINGS, frame},
};

/// A listener for one connection at a time, with the certificate in `folder`.
fn tls_connections(folder: &Folder, metrics: &Metrics) -> Connections {
    let files = Files {
        identity: Some((folder.path("server.pem"), folder.path("server.key"))),
        authorities: None,
    };
    let tls = ServerTls::load("test.tls", files, Protocols::Http2, CHECK_INTERVAL).unwrap();
    let limits = limits(|limits| limits.max_connections = 1);
    Connections::new(limits, Protocols::Http2)
        .with_tls(Some(tls))
        .with_metrics(metrics)
}

#[tokio::test]
async fn connections_that_wait_when_the_listener_closes_are_served_over_tls_up_to_the_cap() {
    let (authority, folder, _) = certified();
    let metrics = Metrics::of_service("stopping", "1");
    let connections = tls_connections(&folder, &metrics);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();

    let service = Routes::new(HealthServer::new(Health::new([]))).prepare();
    let service = service.map_request(|request: http::Request<_>| request.map(Body::new));
    connections.close(listener, &service);
    connections.drain();
    let mut first = shake_hands(first, &authority, &[b"h2"]).await.unwrap();
    let first_bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    first.write_all(&first_bytes).await.unwrap();
    let mut head = [0; 9];
    let received = timeout(TEST_TIMEOUT, first.read_exact(&mut head)).await;
    received.unwrap().unwrap();
    assert_eq!(head[3], SETTINGS);
    let closed = timeout(TEST_TIMEOUT, second.read(&mut head)).await.unwrap();
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");

    drop(first);
    assert!(connections.closed_within(TEST_TIMEOUT).await);
    let text = metrics.text();
    for line in [
        "tandem_connections_accepted_total 1\n",
        "tandem_connections_open 0\n",
        "tandem_connections_refused_total{cause=\"full\"} 1\n",
        "tandem_connections_refused_total{cause=\"handshake\"} 0\n",
        "tandem_tls_certificate_expire_time_seconds{role=\"server\"} ",
    ] {
        assert!(text.contains(line), "{line} {text}");
    }
}
