//! The operations port: plain HTTP for probes, Prometheus and operators inside the cluster, separate from the port of the calls.
//!
//! | path | answers |
//! |---|---|
//! | `/livez` | 200 while the process can answer; it checks nothing else |
//! | `/readyz` | 200, or 503 with the names of the conditions that fail; `draining` during a stop |
//! | `/metrics` | every metric, in Prometheus' text format |
//! | `/configz` | every setting with its source; secrets are not shown |
//! | `grpc.health.v1` | the same health as on the port of the calls |
//!
//! It answers from the start of the process to the end of its stop, and does not depend on the database or on other services. It
//! only reads: GET and HEAD. It has no authentication, so it must not be reachable from outside.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use settings::{Listing, Setting};
use telemetry::{
    metrics::{self, Metrics},
    trace::{Otlp, StartError},
};
use tls::Protocols;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::service::Routes;
use transport::connections::{ConnectionLimits, Connections};

use crate::{health::Health, host, rpc};

/// The version of all crates of the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The path that answers readiness probes.
pub(crate) const READYZ: &str = "/readyz";
/// Connections at once; more are closed as they come.
const MAX_CONNECTIONS: usize = 64;
/// The longest the headers of a request may take to arrive, and the longest a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest the answers in flight may take after the port was closed.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// The settings of the operations port.
#[derive(Debug, Clone, Default)]
pub struct OpsSettings {
    /// The address to listen on; `None` for no operations port.
    pub listen: Option<SocketAddr>,
    /// The name of that setting, for messages.
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

/// The setting `ops.listen`: an address or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpsListen(pub Option<SocketAddr>);

impl Setting for OpsListen {
    fn form() -> String {
        "address:port or off".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let address = text.parse();
        let problem =
            |_| "is neither an address with a port such as 127.0.0.1:9051 nor off".to_owned();
        address.map(Some).map(Self).map_err(problem)
    }
}

/// The operations port of a service that has not started yet, or none.
#[derive(Debug, Default)]
pub struct Ops {
    listener: Option<TcpListener>,
    listing: Listing,
}

/// A running operations port. It closes when this is dropped.
#[derive(Debug)]
pub struct RunningOps {
    stop: CancellationToken,
    task: Option<AbortOnDropHandle<()>>,
}

/// What the handlers read.
#[derive(Debug, Clone)]
struct OpsState {
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

    /// Binds the port that is configured, if one is. `/configz` shows `listing`.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn bind(settings: &OpsSettings, listing: &Listing) -> Result<Self, BindError> {
        let Some(address) = settings.listen else {
            return Ok(Self::none());
        };
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| BindError {
            key: settings.key.clone(),
            address,
            source,
        })?;
        Ok(Self::with_listener(listener, listing.clone()))
    }

    /// Uses a listener that is already bound. `/configz` shows `listing`.
    #[must_use]
    pub fn with_listener(listener: TcpListener, listing: Listing) -> Self {
        Self {
            listener: Some(listener),
            listing,
        }
    }

    /// The metrics of `service`, which this port shows and `otlp` exports. They are counted if there is a port or a collector.
    ///
    /// # Errors
    /// The exporter cannot be started.
    pub fn metrics(&self, otlp: &Otlp, service: &'static str) -> Result<Metrics, StartError> {
        otlp.metrics((service, VERSION), self.listener.is_some())
    }

    /// Starts to answer, until [`RunningOps::stop`].
    #[must_use]
    pub fn start(self, health: Health, metrics: Metrics) -> RunningOps {
        let stop = CancellationToken::new();
        let task = self.listener.map(|listener| {
            if let Ok(address) = listener.local_addr() {
                tracing::info!(at = %address, "operations port");
            }
            let state = OpsState {
                health,
                metrics,
                listing: self.listing,
            };
            let serve = serve(listener, router(state), stop.clone());
            AbortOnDropHandle::new(tokio::spawn(serve))
        });
        RunningOps { stop, task }
    }
}

impl RunningOps {
    /// Closes the port. It is the last step of the stop of a service.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Some(task) = self.task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the operations port failed");
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
    connections.drain();
    if !connections.closed_within(STOP_TIMEOUT).await {
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
        send_timeout: HEADER_TIMEOUT,
        keepalive_interval: HEADER_TIMEOUT,
        keepalive_timeout: HEADER_TIMEOUT,
        // Longer than a process runs: load need not spread from this port to new servers.
        connection_age: Duration::from_hours(24 * 365),
        connection_grace: HEADER_TIMEOUT,
    }
}

fn router(state: OpsState) -> Router {
    let health = Routes::new(state.health.service()).into_axum_router();
    let health = health.route_layer(middleware::from_fn(require_grpc));
    Router::new()
        .route("/livez", get(async || "live\n"))
        .route(READYZ, get(ready))
        .route("/metrics", get(show_metrics))
        .route("/configz", get(show_settings))
        .with_state(state)
        .merge(health)
        .fallback(async || (StatusCode::NOT_FOUND, "/livez /readyz /metrics /configz\n"))
        .layer(middleware::from_fn(host::require_one))
}

async fn require_grpc(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match rpc::refuse_other(&parts) {
        Some(refusal) => refusal.into_response(),
        None => next.run(Request::from_parts(parts, body)).await,
    }
}

async fn ready(State(state): State<OpsState>) -> Response {
    let verdict = state.health.verdict();
    let body = json!({ "status": verdict.text(), "failing": verdict.failing() });
    (verdict.http_status(), Json(body)).into_response()
}

async fn show_metrics(State(state): State<OpsState>) -> Response {
    // It takes milliseconds. On a runtime thread it would delay calls.
    let text = tokio::task::spawn_blocking(move || state.metrics.text()).await;
    match text {
        Ok(text) => ([(CONTENT_TYPE, metrics::TEXT)], text).into_response(),
        Err(_panicked) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn show_settings(State(state): State<OpsState>) -> String {
    state.listing.to_string()
}
