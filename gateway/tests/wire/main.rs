//! The gateway through the wire: on a free port, with services behind it and clients that see every byte.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access_log;
mod client;
mod cors;
mod forwarding;
mod limits;
mod metrics;
mod pages;
mod replicas;
mod service;
mod stopping;
mod streaming;
mod tls;
mod translation;

use std::{net::SocketAddr, sync::LazyLock};

use gateway::{App, Config, DEFAULTS, SECTION};
use shared::{config::Source, metrics::Metrics};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A running gateway. It stops when told to, or with the test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), gateway::Error>>,
    /// What it counts.
    pub(crate) metrics: Metrics,
}

/// A gateway before these services, with settings changed by `adjust`.
pub(crate) async fn gateway(
    auth: SocketAddr,
    task: SocketAddr,
    adjust: impl FnOnce(&mut Config),
) -> Running {
    LazyLock::force(&access_log::LOG);
    let mut config = Config::load(source(auth, task)).unwrap();
    adjust(&mut config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let metrics = Metrics::of_service("tandem-gateway", "test");
    let app = App::counted(config, &metrics);
    let task = tokio::spawn(app.serve(listener, stop.clone().cancelled_owned()));
    Running {
        address,
        stop,
        task,
        metrics,
    }
}

/// Settings of a gateway before these services.
pub(crate) fn source(auth: SocketAddr, task: SocketAddr) -> Source<'static> {
    Source {
        defaults: &[DEFAULTS],
        sections: &[SECTION],
        made: vec![
            ("gateway.auth_upstream".into(), format!("http://{auth}")),
            ("gateway.task_upstream".into(), format!("http://{task}")),
        ],
        directory: env!("CARGO_TARGET_TMPDIR").into(),
        environment: Vec::new(),
    }
}

/// A gateway before one process that is both services.
pub(crate) async fn gateway_before(service: SocketAddr) -> Running {
    gateway(service, service, |_| {}).await
}

/// An address where nothing listens.
pub(crate) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}
