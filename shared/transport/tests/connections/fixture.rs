//! A server that offers only its health, and clients of it.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, LazyLock},
    time::Duration,
};

use clock::SystemClock;
use contract::proto::health::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serving::{
    health::Health,
    serve::{Server, ServerLimits, ServiceSet},
};
use testing::certificates::{Authority, Folder, Issued};
use testing::limits::of_connections;
use tls::{ClientTls, Files, Protocols, ServerTls, Upstream};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{
    Response, Status, Streaming,
    transport::{Channel, Endpoint},
};
use tracing_subscriber::{Layer, layer::SubscriberExt as _, util::SubscriberInitExt as _};
use transport::connections::{ConnectionCounts, ConnectionLimits, Connections};
use verifier::{Revocations, Trust, Verifier};

/// Longer than any step takes. Only a test that fails waits this long.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(20);
/// How often the certificate files are checked.
pub(crate) const CHECK_INTERVAL: Duration = Duration::from_millis(10);

/// A running server.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) health: Health,
    pub(crate) connections: Connections,
    _stop: DropGuard,
}

/// Serves health on a free port.
pub(crate) async fn serve(connections: ConnectionLimits, tls: Option<ServerTls>) -> Served {
    LazyLock::force(&LOG);
    let trust = Trust {
        issuer: "tandem-auth".to_owned(),
        audience: "tandem".to_owned(),
        leeway: Duration::ZERO,
    };
    let verifier = Verifier::new(trust, Revocations::NotConsulted, 0, Arc::new(SystemClock));
    let limits = ServerLimits {
        max_in_flight: 1000,
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
    };
    let health = Health::new([]);
    health.set_ready(true);
    let server = Server::new(ServiceSet::default(), health.clone(), verifier, limits).unwrap();
    let server = server.with_tls(tls);
    let connections = server.connections();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(server.run(listener, stop.clone().cancelled_owned()));
    Served {
        address,
        health,
        connections,
        _stop: stop.drop_guard(),
    }
}

/// Serves health on a free port, without TLS.
pub(crate) async fn serve_plaintext(limits: ConnectionLimits) -> Served {
    serve(limits, None).await
}

/// A server with the certificate in `folder`. If there is a `client_ca.pem`, clients must show a certificate of that authority.
pub(crate) async fn serve_tls(limits: ConnectionLimits, folder: &Folder) -> (Served, ServerTls) {
    let authorities = folder.path("client_ca.pem");
    let files = Files {
        identity: Some((folder.path("server.pem"), folder.path("server.key"))),
        authorities: authorities.exists().then_some(authorities),
    };
    let tls = ServerTls::load("test.tls", files, Protocols::Http2, CHECK_INTERVAL).unwrap();
    (serve(limits, Some(tls.clone())).await, tls)
}

/// An authority, a folder with a certificate that it issued for `localhost`, and that certificate.
pub(crate) fn certified() -> (Authority, Folder, Issued) {
    let authority = Authority::new("authority");
    let folder = Folder::new();
    folder.write("ca.pem", &authority.pem());
    let issued = authority.issue(&["localhost", "127.0.0.1"]);
    folder.write_identity("server", &issued);
    (authority, folder, issued)
}

impl Served {
    /// The server as an upstream of another service. The authority is `ca.pem` in the folder; `shown` is the client certificate.
    pub(crate) fn upstream(&self, folder: &Folder, shown: Option<(PathBuf, PathBuf)>) -> Upstream {
        self.upstream_by(&client_tls(folder, shown))
    }

    pub(crate) fn upstream_by(&self, tls: &ClientTls) -> Upstream {
        let uri = format!("https://localhost:{}", self.address.port());
        Upstream::new(&uri.parse().unwrap(), Some(tls)).unwrap()
    }

    /// A connection without TLS, opened when it is first used.
    pub(crate) fn channel(&self) -> Channel {
        Endpoint::new(format!("http://{}", self.address))
            .unwrap()
            .connect_lazy()
    }

    /// A TLS connection on which nothing is sent yet. `alpn` are the protocols that the client offers.
    pub(crate) async fn shake_hands(
        &self,
        authority: &Authority,
        alpn: &[&[u8]],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        shake_hands(stream, authority, alpn).await
    }

    /// The certificate that the server shows in a new handshake, in DER.
    pub(crate) async fn certificate(&self, authority: &Authority) -> Vec<u8> {
        let stream = self.shake_hands(authority, &[b"h2"]).await.unwrap();
        let (_, session) = stream.get_ref();
        session.peer_certificates().unwrap()[0].to_vec()
    }
}

/// TLS over a connection, for `localhost`. `alpn` are the protocols that the client offers.
pub(crate) async fn shake_hands(
    stream: TcpStream,
    authority: &Authority,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

pub(crate) fn client_tls(folder: &Folder, identity: Option<(PathBuf, PathBuf)>) -> ClientTls {
    let files = Files {
        identity,
        authorities: Some(folder.path("ca.pem")),
    };
    ClientTls::load("test.upstream", files, CHECK_INTERVAL).unwrap()
}

/// Checks that the server is ready.
pub(crate) async fn check(channel: &Channel) -> Result<(), Status> {
    let answer = HealthClient::new(channel.clone())
        .check(HealthCheckRequest::default())
        .await;
    answer.map(|answer| assert_eq!(answer.get_ref().status(), ServingStatus::Serving))
}

/// A Watch of the health, after its first message.
pub(crate) async fn watch(channel: &Channel) -> Streaming<HealthCheckResponse> {
    let mut client = HealthClient::new(channel.clone());
    let answer = client.watch(HealthCheckRequest::default()).await;
    let mut stream = answer.map(Response::into_inner).unwrap();
    assert_eq!(next(&mut stream).await.unwrap(), ServingStatus::Serving);
    stream
}

/// The next status of the stream.
pub(crate) async fn next(
    stream: &mut Streaming<HealthCheckResponse>,
) -> Result<ServingStatus, Status> {
    let message = tokio::time::timeout(TEST_TIMEOUT, stream.message()).await;
    Ok(message
        .expect("a message comes in time")?
        .expect("the stream goes on")
        .status())
}

/// Waits until `condition` holds for a value that changes.
pub(crate) async fn until<T>(mut value: watch::Receiver<T>, condition: impl FnMut(&T) -> bool) {
    tokio::time::timeout(TEST_TIMEOUT, value.wait_for(condition))
        .await
        .expect("the condition holds in time")
        .unwrap();
}

/// Waits until `condition` holds for the counts of the connections. Changes are not notified, so it polls.
pub(crate) async fn until_counts(served: &Served, condition: impl Fn(&ConnectionCounts) -> bool) {
    let polling = async {
        while !condition(&served.connections.counts()) {
            tokio::task::yield_now().await;
        }
    };
    let held = tokio::time::timeout(TEST_TIMEOUT, polling).await;
    assert!(held.is_ok(), "{:?}", served.connections.counts());
}

/// The lines that the servers of these tests log, level first. It is set up before the first of them.
pub(crate) static LOG: LazyLock<watch::Sender<Vec<String>>> = LazyLock::new(|| {
    tracing_subscriber::registry().with(LogLines).init();
    watch::Sender::new(Vec::new())
});

struct LogLines;

impl<S: tracing::Subscriber> Layer<S> for LogLines {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if *event.metadata().level() > tracing::Level::WARN {
            return;
        }
        let mut line = event.metadata().level().to_string();
        event.record(
            &mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                write!(line, " {}={value:?}", field.name()).unwrap();
            },
        );
        LOG.send_modify(|lines| lines.push(line));
    }
}

/// Limits with one of them changed.
pub(crate) fn limits(adjust: impl FnOnce(&mut ConnectionLimits)) -> ConnectionLimits {
    let mut limits = of_connections();
    adjust(&mut limits);
    limits
}
