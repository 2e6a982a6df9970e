//! Puts the parts together: routes, layers, listener.

use std::{future::Future, io, sync::Arc};

use axum::{
    Router,
    extract::FromRef,
    middleware,
    routing::{any, get},
};
use http::Uri;
use shared::trace::Tracing;
use tokio::net::TcpListener;

use crate::{
    Config, access_log,
    connections::{self, Limits},
    contract::Contract,
    cors, grpc_web, health, info, jwks,
    upstream::Upstreams,
};

/// What the gateway is called in telemetry.
pub const SERVICE: &str = "gateway";

/// Why a gateway stopped without being told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener is of no use.
    #[error("cannot accept connections: {0}")]
    Listener(#[source] io::Error),
}

/// A gateway that is ready to serve.
#[derive(Debug)]
pub struct App {
    config: Config,
    tracing: Tracing,
}

/// What every handler can ask for.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) config: Arc<Config>,
    pub(crate) contract: Arc<Contract>,
    pub(crate) upstreams: Upstreams,
}

impl Gateway {
    /// Where the service is that serves this path.
    pub(crate) fn service_of(&self, path: &str) -> &Uri {
        if path.starts_with("/tandem.auth.") {
            &self.config.auth_upstream
        } else {
            &self.config.task_upstream
        }
    }
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
        Self {
            config,
            tracing: Tracing::off(),
        }
    }

    /// Traces calls by `tracing`.
    #[must_use]
    pub fn traced(self, tracing: Tracing) -> Self {
        Self { tracing, ..self }
    }

    /// Serves connections of `listener` until `shutdown` completes; then closes the listener and lets the calls in flight
    /// end, for at most [`Config::drain`]. The services need not be up: connections to them open when needed.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let address = listener.local_addr().map_err(Error::Listener)?;
        let limits = Limits::from(&self.config);
        let gateway = Gateway {
            upstreams: Upstreams::connect(&self.config),
            contract: Arc::new(Contract::read()),
            config: Arc::new(self.config),
        };
        tracing::info!(%address, "listening");
        let router = router(gateway, self.tracing);
        connections::serve(listener, router, limits, shutdown).await;
        tracing::info!(%address, "stopped");
        Ok(())
    }
}

/// The log is outermost, so that it sees preflights; CORS comes before the routes, so that every answer carries its headers.
fn router(gateway: Gateway, tracing: Tracing) -> Router {
    let recorder = access_log::Recorder {
        tracing,
        contract: Arc::clone(&gateway.contract),
    };
    let cors = cors::layer(&gateway.config.cors_origins);
    Router::new()
        .route("/", get(info::show))
        .route("/health", get(health::show))
        .route("/.well-known/jwks.json", get(jwks::show))
        .route("/{service}/{method}", any(grpc_web::call))
        .fallback(grpc_web::not_found)
        .layer(cors)
        .layer(middleware::from_fn_with_state(recorder, access_log::record))
        .with_state(gateway)
}
