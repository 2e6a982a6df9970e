//! The end of a listener that speaks TLS, and what the metrics tell of it.

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
    raw::{PREFACE, SETTINGS, frame},
    world::{OFTEN, PATIENCE, certified, limits, shake_hands},
};

/// Room for one connection, which is shown the certificate in `folder`.
fn encrypted(folder: &Folder, metrics: &Metrics) -> Connections {
    let files = Files {
        identity: Some((folder.path("server.pem"), folder.path("server.key"))),
        authorities: None,
    };
    let tls = ServerTls::load("test.tls", files, Protocols::Http2, OFTEN).unwrap();
    let limits = limits(|limits| limits.max_connections = 1);
    Connections::new(limits, Protocols::Http2)
        .speaking(Some(tls))
        .counting_in(metrics)
}

#[tokio::test]
async fn who_has_connected_when_the_listener_closes_is_served_over_tls_as_far_as_there_is_room() {
    let (authority, folder, _) = certified();
    let metrics = Metrics::of_service("stopping", "1");
    let connections = encrypted(&folder, &metrics);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();

    let service = Routes::new(HealthServer::new(Health::new([]))).prepare();
    let service = service.map_request(|request: http::Request<_>| request.map(Body::new));
    connections.close(listener, &service);
    connections.ask_to_leave();
    let mut first = shake_hands(first, &authority, &[b"h2"]).await.unwrap();
    let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    first.write_all(&hello).await.unwrap();
    let mut head = [0; 9];
    let talks = timeout(PATIENCE, first.read_exact(&mut head)).await;
    talks.unwrap().unwrap();
    assert_eq!(head[3], SETTINGS);
    let closed = timeout(PATIENCE, second.read(&mut head)).await.unwrap();
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");

    drop(first);
    assert!(connections.gone_within(PATIENCE).await);
    let text = metrics.text();
    for told in [
        "tandem_connections_accepted_total 1\n",
        "tandem_connections_open 0\n",
        "tandem_connections_refused_total{cause=\"full\"} 1\n",
        "tandem_connections_refused_total{cause=\"handshake\"} 0\n",
        "tandem_tls_certificate_expire_time_seconds{role=\"server\"} ",
    ] {
        assert!(text.contains(told), "{told} {text}");
    }
}
