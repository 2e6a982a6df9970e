//! Puts the parts together: routes, layers, listener.

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::FromRef,
    middleware,
    routing::{any, get},
};
use http::Uri;
use shared::{
    connections::{Connections, Protocols},
    health::Health,
    metrics::Metrics,
    ops::Ops,
    tls::{self, NoTls},
    trace::Tracing,
};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{
    Config, access_log,
    contract::Contract,
    cors, grpc_web, health, info, jwks,
    leaving::{self, Leaving},
    meter::Meter,
    upstream::Upstreams,
};

/// What the gateway is called in telemetry.
pub const SERVICE: &str = "tandem-gateway";

/// Why a gateway stopped without being told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener is of no use.
    #[error("cannot accept connections: {0}")]
    Listener(#[source] io::Error),
    /// A service cannot be connected to.
    #[error(transparent)]
    Upstream(#[from] NoTls),
}

/// A gateway that is ready to serve.
#[derive(Debug)]
pub struct App {
    config: Config,
    metrics: Metrics,
    ops: Ops,
    tracing: Tracing,
}

/// What every handler can ask for.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) config: Arc<Config>,
    pub(crate) contract: Arc<Contract>,
    pub(crate) upstreams: Upstreams,
    pub(crate) leaving: Leaving,
    pub(crate) meter: Arc<Meter>,
    /// Calls in flight, until the last byte of their answers.
    pub(crate) admission: Arc<Semaphore>,
}

impl FromRef<Gateway> for Upstreams {
    fn from_ref(gateway: &Gateway) -> Self {
        gateway.upstreams.clone()
    }
}

impl FromRef<Gateway> for Arc<Contract> {
    fn from_ref(gateway: &Gateway) -> Self {
        Arc::clone(&gateway.contract)
    }
}

impl App {
    /// A gateway with these settings. Nothing is opened before [`App::serve`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::counted(config, &Metrics::off())
    }

    /// Traces calls by `tracing`.
    #[must_use]
    pub fn traced(self, tracing: Tracing) -> Self {
        Self { tracing, ..self }
    }

    /// Like [`App::new`], and counts in `metrics` what it does.
    #[must_use]
    pub fn counted(config: Config, metrics: &Metrics) -> Self {
        Self {
            config,
            metrics: metrics.clone(),
            ops: Ops::none(),
            tracing: Tracing::off(),
        }
    }

    /// Opens this operations port while it serves. A gateway is ready from the start until it is told to stop: without a
    /// service its calls are refused with a reason, which is more than a connection that is not there can tell.
    #[must_use]
    pub fn with_ops(self, ops: Ops) -> Self {
        Self { ops, ..self }
    }

    /// Serves connections of `listener` until `shutdown` completes; then says that it leaves, goes on for
    /// [`Config::pause`], closes the listener and lets the calls in flight end, for at most [`Config::drain`]. The services need
    /// not be up: connections to them open when needed.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let address = listener.local_addr().map_err(Error::Listener)?;
        let health = Health::new([]);
        health.set_ready(true);
        health.tell(&self.metrics);
        let leaving = Leaving::default();
        let stopping = async {
            shutdown.await;
            health.drain();
        };
        let stopping = leaving.clone().after(stopping, self.config.pause);
        let connections = self.connections();
        let drain = self.config.drain;
        let upstream_tls = self.config.upstream_tls.clone();
        let gateway = Gateway::new(self.config, &self.metrics, leaving)?;
        let router = router(gateway, self.tracing);
        let ops = self.ops.start(health.clone(), self.metrics);
        tracing::info!(%address, "listening");
        tokio::select! {
            () = connections.accept_until(&listener, &router, stopping) => {}
            never = tls::keep_current(upstream_tls.as_ref()) => match never {},
        }
        connections.close(listener, &router);
        stop(&connections, drain).await;
        health.close();
        ops.stop().await;
        tracing::info!(%address, "stopped");
        Ok(())
    }

    fn connections(&self) -> Connections {
        if let Some(tls) = &self.config.upstream_tls {
            tls.tell(&self.metrics);
        }
        let limits = self.config.connections.clone();
        Connections::new(limits, Protocols::Http2AndHttp1)
            .speaking(self.config.tls.clone())
            .counting_in(&self.metrics)
    }
}

impl Gateway {
    /// Where the replicas are of the service that serves this path, as the setting says.
    pub(crate) fn service_of(&self, path: &str) -> &[Uri] {
        if path.starts_with("/tandem.auth.") {
            &self.config.auth_upstream
        } else {
            &self.config.task_upstream
        }
    }

    fn new(config: Config, metrics: &Metrics, leaving: Leaving) -> Result<Self, NoTls> {
        let contract = Arc::new(Contract::read());
        Ok(Self {
            upstreams: Upstreams::connect(&config, &contract)?,
            meter: Arc::new(Meter::new(metrics)),
            contract,
            admission: Arc::new(Semaphore::new(config.max_in_flight)),
            config: Arc::new(config),
            leaving,
        })
    }
}

/// Lets the calls in flight end, and ends those that do not.
async fn stop(connections: &Connections, longest: Duration) {
    connections.ask_to_leave();
    if !connections.gone_within(longest).await {
        tracing::warn!(
            connections = connections.counts().open,
            "cut after the time to drain"
        );
        connections.cut().await;
    }
}

/// The log is outermost, so that it sees preflights; CORS comes before the routes, so that every answer carries its headers.
fn router(gateway: Gateway, tracing: Tracing) -> Router {
    let recorder = access_log::Recorder {
        tracing,
        contract: Arc::clone(&gateway.contract),
        meter: Arc::clone(&gateway.meter),
    };
    let cors = cors::layer(&gateway.config.cors_origins);
    let leaving = middleware::from_fn_with_state(gateway.leaving.clone(), leaving::tell);
    Router::new()
        .route("/", get(info::show))
        .route("/health", get(health::show))
        .route("/.well-known/jwks.json", get(jwks::show))
        .route("/{service}/{method}", any(grpc_web::call))
        .fallback(grpc_web::not_found)
        .layer(cors)
        .layer(leaving)
        .layer(middleware::from_fn_with_state(recorder, access_log::record))
        .with_state(gateway)
}
