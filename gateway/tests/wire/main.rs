//! The gateway over the network: on a free port, in front of test services, with clients that see every byte.
#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod access_log;
mod client;
mod connect_client;
mod connect_get;
mod connect_refused;
mod connect_stream;
mod connect_unary;
mod console;
mod console_address;
mod cookies_connect;
mod cookies_ends;
mod cookies_origin;
mod cookies_service;
mod cookies_tokens;
mod cors;
mod documents;
mod forwarding;
mod host;
mod limits;
mod metrics;
mod offered;
mod pages;
mod public_documents;
mod replicas;
mod rest;
mod rest_bodies;
mod rest_unread;
mod service;
mod stopping;
mod streaming;
mod tls;
mod translation;
mod unread;
mod unread_answers;

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock},
};

use clock::SystemClock;
use gateway::{App, Config, ConsoleFiles, DEFAULTS, SECTION};
use serving::process::Instruments;
use settings::Source;
use telemetry::metrics::Metrics;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::client::ANSWER_TIMEOUT;

/// A running gateway. It ends with the test, or when `stop` is cancelled.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), gateway::Error>>,
    /// Its metrics.
    pub(crate) metrics: Metrics,
}

impl Running {
    /// Waits until it has stopped, without an error.
    pub(crate) async fn stopped(&mut self) {
        let ended = timeout(ANSWER_TIMEOUT, &mut self.task).await;
        ended.expect("it stops").unwrap().unwrap();
    }
}

/// A gateway in front of these services, with settings changed by `adjust`.
pub(crate) async fn gateway(
    auth: SocketAddr,
    task: SocketAddr,
    adjust: impl FnOnce(&mut Config),
) -> Running {
    serve(auth, task, adjust, ConsoleFiles::embedded()).await
}

/// The same with a console of these files.
pub(crate) async fn serve(
    auth: SocketAddr,
    task: SocketAddr,
    adjust: impl FnOnce(&mut Config),
    console: ConsoleFiles,
) -> Running {
    LazyLock::force(&access_log::LOG);
    let mut config = Config::load(source(auth, task)).unwrap();
    adjust(&mut config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let instruments = Instruments {
        metrics: Metrics::of_service("tandem-gateway", "test"),
        ..Instruments::off(Arc::new(SystemClock))
    };
    let metrics = instruments.metrics.clone();
    let app = App::new(config, instruments).with_console(console);
    let task = tokio::spawn(app.serve(listener, stop.clone().cancelled_owned()));
    Running {
        address,
        stop,
        task,
        metrics,
    }
}

/// The settings of a gateway in front of these services.
pub(crate) fn source(auth: SocketAddr, task: SocketAddr) -> Source<'static> {
    Source {
        defaults: &[telemetry::settings::DEFAULTS, DEFAULTS],
        sections: &[SECTION],
        generated: vec![
            ("gateway.auth_upstream".into(), format!("http://{auth}")),
            ("gateway.task_upstream".into(), format!("http://{task}")),
        ],
        directory: env!("CARGO_TARGET_TMPDIR").into(),
        environment: Vec::new(),
    }
}

/// A gateway in front of one process that is both services.
pub(crate) async fn gateway_to(service: SocketAddr) -> Running {
    gateway(service, service, |_| {}).await
}

/// An address where nothing listens.
pub(crate) async fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}
