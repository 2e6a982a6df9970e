//! TLS on both sides of the gateway.

use std::{net::SocketAddr, path::Path, process::Command, sync::Arc, time::Duration};

use clock::SystemClock;
use contract::proto::auth::{SignOutRequest, auth_service_server::AuthServiceServer};
use gateway::Config;
use serving::{
    health::Health,
    serve::{Server, ServerLimits, ServiceSet},
};
use settings::Settings;
use testing::certificates::{Authority, Folder};
use tls::{ClientTls, Files, Protocols, ServerTls};
use tokio::{net::TcpListener, task::JoinSet};
use transport::connections::{ConnectionLimits, Connections};
use verifier::{Revocations, Trust, Verifier};

use crate::{
    Running,
    client::{self, ANSWER_TIMEOUT},
    closed_port, gateway,
    service::{self, SIGN_OUT, Service},
};

const RELOAD_INTERVAL: Duration = Duration::from_millis(10);

/// Runs curl, which shares no code with the gateway, and returns its output.
async fn curl(arguments: &[&str]) -> Result<String, String> {
    let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
    let curl = || {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "10"]);
        command.args(arguments).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(curl).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A gateway with a certificate for `localhost`, and the folder with the certificate of its authority.
async fn encrypted(client_ca: Option<&Authority>) -> (Running, Folder) {
    let (authority, folder) = (Authority::new("authority"), Folder::new());
    folder.write("ca.pem", &authority.pem());
    let identity = folder.write_identity("gateway", &authority.issue(&["localhost"]));
    let files = Files {
        identity: Some(identity),
        authorities: client_ca.map(|authority| folder.write("client_ca.pem", &authority.pem())),
    };
    let both = Protocols::Http2AndHttp1;
    let tls = ServerTls::load("gateway.tls", files, both, RELOAD_INTERVAL).unwrap();
    let (upstream, _seen) = service::start().await;
    let running = gateway(upstream, upstream, |config| config.tls = Some(tls)).await;
    (running, folder)
}

#[tokio::test]
async fn curl_is_served_over_http_2_and_http_1_only_if_it_trusts_the_authority() {
    let (gateway, folder) = encrypted(None).await;
    let url = format!("https://localhost:{}/", gateway.address.port());
    let ca = folder.path("ca.pem");
    let version = [
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_version} %{http_code}",
    ];
    for (option, expected) in [("--http2", "2 200"), ("--http1.1", "1.1 200")] {
        let arguments = [&["--cacert", text(&ca), option, &url], version.as_slice()].concat();
        assert_eq!(curl(&arguments).await.unwrap(), expected);
    }
    let refused = curl(&["--http2", &url]).await.unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
}

#[tokio::test]
async fn curl_needs_a_certificate_when_the_gateway_requires_one() {
    let clients = Authority::new("clients");
    let (gateway, folder) = encrypted(Some(&clients)).await;
    let url = format!("https://localhost:{}/", gateway.address.port());
    let ca = folder.path("ca.pem");
    curl(&["--cacert", text(&ca), &url]).await.unwrap_err();
    let (certificate, key) = folder.write_identity("client", &clients.issue(&["client"]));
    let arguments = [
        "--cacert",
        text(&ca),
        "--cert",
        text(&certificate),
        "--key",
        text(&key),
        &url,
    ];
    assert!(curl(&arguments).await.unwrap().contains("tandem.auth.v1"));
}

fn limits(connections: ConnectionLimits) -> ServerLimits {
    ServerLimits {
        max_in_flight: 100,
        principal_share: 100,
        body_timeout: Duration::from_secs(5),
        answer_grace: Duration::from_secs(2),
        max_unsent_bytes: 1 << 30,
        deadline: Duration::from_secs(10),
        pause: Duration::ZERO,
        drain: Duration::from_secs(10),
        connections,
        reflection: false,
        trusted_proxies: Vec::new(),
    }
}

/// A service behind the server of `shared`, with TLS if it is given.
async fn upstream(
    tls: Option<ServerTls>,
    connections: ConnectionLimits,
) -> (SocketAddr, Connections) {
    let trust = Trust {
        issuer: "tandem-auth".to_owned(),
        audience: "tandem".to_owned(),
        leeway: Duration::ZERO,
    };
    let verifier = Verifier::new(trust, Revocations::NotConsulted, 0, Arc::new(SystemClock));
    let (seen, _) = tokio::sync::mpsc::unbounded_channel();
    let service = Service {
        readiness: contract::proto::health::health_check_response::ServingStatus::Serving,
        seen,
    };
    let surface = ServiceSet::default().with(AuthServiceServer::new(service));
    let health = Health::new([]);
    health.set_ready(true);
    let server = Server::new(surface, health, verifier, limits(connections))
        .unwrap()
        .with_tls(tls);
    let connections = server.connections();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server.run(listener, std::future::pending()));
    (address, connections)
}

/// The default connection limits of a gateway.
fn default_limits() -> ConnectionLimits {
    let unused = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut settings = Settings::load(crate::source(unused, unused));
    Config::read(&mut settings).unwrap().connections
}

fn sign_out() -> http::Request<http_body_util::Full<hyper::body::Bytes>> {
    client::call_request(SIGN_OUT, &SignOutRequest::default())
}

#[tokio::test]
async fn the_gateway_presents_its_certificate_to_a_service_that_requires_one() {
    let (authority, folder) = (Authority::new("authority"), Folder::new());
    let ca = folder.write("ca.pem", &authority.pem());
    let service = Files {
        identity: Some(folder.write_identity("auth", &authority.issue(&["localhost"]))),
        authorities: Some(ca.clone()),
    };
    let tls = ServerTls::load("auth.tls", service, Protocols::Http2, RELOAD_INTERVAL).unwrap();
    let (address, _) = upstream(Some(tls), default_limits()).await;
    let uri = format!("https://localhost:{}", address.port());

    let identity = folder.write_identity("gateway", &authority.issue(&["gateway"]));
    for (identity, status) in [(Some(identity), "0"), (None, "14")] {
        let files = Files {
            identity,
            authorities: Some(ca.clone()),
        };
        let tls = ClientTls::load("gateway.tls.upstream", files, RELOAD_INTERVAL).unwrap();
        let gateway = gateway(address, closed_port().await, |config| {
            config.upstreams.auth = vec![uri.parse().unwrap()];
            config.upstreams.tls = Some(tls);
        })
        .await;
        let answer = client::send(gateway.address, sign_out()).await;
        assert_eq!(answer.frames().trailers["grpc-status"], status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_the_connections_to_a_service_are_replaced() {
    let (address, connections) = upstream(
        None,
        ConnectionLimits {
            connection_age: Duration::from_millis(10),
            ..default_limits()
        },
    )
    .await;
    let gateway = gateway(address, address, |_| {}).await;
    let mut callers = JoinSet::new();
    for _ in 0..4 {
        let (connections, address) = (connections.clone(), gateway.address);
        callers.spawn(async move {
            while connections.counts().aged < 100 {
                let answer = client::send(address, sign_out()).await;
                assert_eq!(answer.frames().trailers["grpc-status"], "0");
            }
        });
    }
    let done = tokio::time::timeout(4 * ANSWER_TIMEOUT, callers.join_all()).await;
    done.expect("connections reach their age");
}
