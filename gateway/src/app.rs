//! Puts the parts together: routes, layers, listener.

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::FromRef,
    middleware,
    routing::{any, get},
};
use shared::{
    connections::{Connections, Protocols},
    tls::NoTls,
};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{
    Config, access_log,
    contract::Contract,
    cors, grpc_web, health, info, jwks,
    upstream::{self, Upstreams},
};

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
}

/// What every handler can ask for.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) config: Arc<Config>,
    pub(crate) contract: Arc<Contract>,
    pub(crate) upstreams: Upstreams,
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
        Self { config }
    }

    /// Serves connections of `listener` until `shutdown` completes; then closes the listener and lets the calls in flight
    /// end, for at most [`Config::drain`]. The services need not be up: connections to them open when needed.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let address = listener.local_addr().map_err(Error::Listener)?;
        let config = self.config;
        let limits = config.connections.clone();
        let connections = Connections::new(limits, Protocols::Http2AndHttp1, config.tls.clone());
        let keep_current = upstream::keep_current(config.upstream_tls.clone());
        let drain = config.drain;
        let gateway = Gateway {
            upstreams: Upstreams::connect(&config)?,
            contract: Arc::new(Contract::read()),
            admission: Arc::new(Semaphore::new(config.max_in_flight)),
            config: Arc::new(config),
        };
        let router = router(gateway);
        tracing::info!(%address, "listening");
        tokio::select! {
            () = connections.accept_until(&listener, &router, shutdown) => {}
            never = keep_current => match never {},
        }
        drop(listener);
        stop(&connections, drain).await;
        tracing::info!(%address, "stopped");
        Ok(())
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
fn router(gateway: Gateway) -> Router {
    let cors = cors::layer(&gateway.config.cors_origins);
    Router::new()
        .route("/", get(info::show))
        .route("/health", get(health::show))
        .route("/.well-known/jwks.json", get(jwks::show))
        .route("/{service}/{method}", any(grpc_web::call))
        .fallback(grpc_web::not_found)
        .layer(cors)
        .layer(middleware::from_fn(access_log::record))
        .with_state(gateway)
}
