//! The operations port: plain HTTP, for probes, Prometheus and people inside the cluster, apart from the calls.
//!
//! | path | answers |
//! |---|---|
//! | `/livez` | 200 while the process can answer at all; it asks nothing else |
//! | `/readyz` | 200, or 503 with the names of what fails, `draining` during a stop |
//! | `/metrics` | every metric, in Prometheus' text format |
//! | `/configz` | every setting with where it came from; secrets are not shown |
//! | `grpc.health.v1` | the same health as on the port of the calls |
//!
//! It answers from the start to the very end of a stop, and depends on nothing that may be away. Nothing here changes
//! anything: GET and HEAD only. It has no authentication, so it must not be reachable from outside.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::service::Routes;

use crate::health::Health;
use settings::{Listing, Setting};
use telemetry::{
    metrics::{self, Metrics},
    trace::{Otlp, StartError},
};
use tls::Protocols;
use transport::connections::{ConnectionLimits, Connections};

/// That of all crates here.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The path that answers readiness probes.
pub(crate) const READYZ: &str = "/readyz";
/// Connections at once; more are closed as they come.
const MAX_CONNECTIONS: usize = 64;
/// The longest the headers of a request may take to arrive, and the longest a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest the answers in flight may take after the port was closed.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// What an operator sets.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where to listen; nowhere if none.
    pub listen: Option<SocketAddr>,
    /// The name of that setting, for people.
    pub key: String,
}

/// The operations port cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the operations port ({key}) on {address}")]
pub struct BindError {
    key: String,
    address: SocketAddr,
    source: io::Error,
}

/// The setting `ops.listen`: an address, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(pub Option<SocketAddr>);

impl Setting for Listen {
    fn form() -> String {
        "address:port or off".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let address = text.parse();
        let wrong =
            |_| "is neither an address with a port such as 127.0.0.1:9051 nor off".to_owned();
        address.map(Some).map(Self).map_err(wrong)
    }
}

/// The operations port of a service that has not been started yet, or none.
#[derive(Debug, Default)]
pub struct Ops {
    listener: Option<TcpListener>,
    listing: Listing,
}

/// A running operations port. It ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    stop: CancellationToken,
    task: Option<AbortOnDropHandle<()>>,
}

/// What the handlers know.
#[derive(Debug, Clone)]
struct Known {
    health: Health,
    metrics: Metrics,
    listing: Listing,
}

impl Ops {
    /// No operations port.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Binds the port that is set, if one is. `/configz` shows `listing`.
    pub async fn bind(settings: &Settings, listing: &Listing) -> Result<Self, BindError> {
        let Some(address) = settings.listen else {
            return Ok(Self::none());
        };
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| BindError {
            key: settings.key.clone(),
            address,
            source,
        })?;
        Ok(Self::on(listener, listing.clone()))
    }

    /// On a listener that is bound already; `/configz` shows `listing`.
    #[must_use]
    pub fn on(listener: TcpListener, listing: Listing) -> Self {
        Self {
            listener: Some(listener),
            listing,
        }
    }

    /// The metrics of `service`, which this port will show and `otlp` pushes: counted if there is a port or a collector.
    pub fn metrics(&self, otlp: &Otlp, service: &'static str) -> Result<Metrics, StartError> {
        otlp.metrics((service, VERSION), self.listener.is_some())
    }

    /// Answers from now on, until [`Running::stop`].
    #[must_use]
    pub fn start(self, health: Health, metrics: Metrics) -> Running {
        let stop = CancellationToken::new();
        let task = self.listener.map(|listener| {
            if let Ok(address) = listener.local_addr() {
                tracing::info!(at = %address, "operations port");
            }
            let known = Known {
                health,
                metrics,
                listing: self.listing,
            };
            let serve = serve(listener, router(known), stop.clone());
            AbortOnDropHandle::new(tokio::spawn(serve))
        });
        Running { stop, task }
    }
}

impl Running {
    /// Ends it: the last thing a service does.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Some(task) = self.task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the operations port has failed");
        }
    }
}

/// Serves until `stop`, then lets the answers in flight finish.
async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let connections = Connections::new(connection_limits(), Protocols::Http2AndHttp1)
        .closing_when_full()
        .without_plaintext_warning();
    connections
        .accept_until(&listener, &router, stop.cancelled())
        .await;
    connections.close(listener, &router);
    connections.ask_to_leave();
    if !connections.gone_within(STOP_TIMEOUT).await {
        tracing::debug!("connections of the operations port did not end in time");
        connections.cut().await;
    }
}

fn connection_limits() -> ConnectionLimits {
    ConnectionLimits {
        max_connections: MAX_CONNECTIONS,
        max_connections_per_address: 0,
        exempt: Vec::new(),
        handshake_timeout: HEADER_TIMEOUT,
        header_timeout: HEADER_TIMEOUT,
        max_streams: 16,
        keepalive_interval: HEADER_TIMEOUT,
        keepalive_timeout: HEADER_TIMEOUT,
        // Longer than a process runs: load need not spread from this port to new servers.
        connection_age: Duration::from_hours(24 * 365),
        connection_grace: HEADER_TIMEOUT,
    }
}

fn router(known: Known) -> Router {
    let health = Routes::new(known.health.service()).into_axum_router();
    Router::new()
        .route("/livez", get(async || "live\n"))
        .route(READYZ, get(ready))
        .route("/metrics", get(show_metrics))
        .route("/configz", get(show_settings))
        .with_state(known)
        .merge(health)
        .fallback(async || (StatusCode::NOT_FOUND, "/livez /readyz /metrics /configz\n"))
}

async fn ready(State(known): State<Known>) -> Response {
    let verdict = known.health.verdict();
    let body = json!({ "status": verdict.text(), "failing": verdict.failing() });
    (verdict.http_status(), Json(body)).into_response()
}

async fn show_metrics(State(known): State<Known>) -> Response {
    // Reading them takes milliseconds, which calls should not wait for.
    let text = tokio::task::spawn_blocking(move || known.metrics.text()).await;
    match text {
        Ok(text) => ([(CONTENT_TYPE, metrics::TEXT)], text).into_response(),
        Err(_panicked) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn show_settings(State(known): State<Known>) -> String {
    known.listing.to_string()
}
