//! Puts the parts together: routes, layers, listener.

use std::{future::Future, io, sync::Arc};

use axum::{
    Router,
    extract::FromRef,
    middleware,
    routing::{any, get},
};
use tokio::net::TcpListener;

use crate::{
    Config, access_log,
    connections::{self, Limits},
    contract::Contract,
    cors, grpc_web, health, info, jwks,
    leaving::{self, Leaving},
    upstream::Upstreams,
};

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
}

/// What every handler can ask for.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) config: Arc<Config>,
    pub(crate) contract: Arc<Contract>,
    pub(crate) upstreams: Upstreams,
    pub(crate) leaving: Leaving,
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

    /// Serves connections of `listener` until `shutdown` completes; then says that it leaves, goes on for
    /// [`Config::pause`], closes the listener and lets the calls in flight end, for at most [`Config::drain`]. The services need not be up: connections to them open when needed.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let address = listener.local_addr().map_err(Error::Listener)?;
        let limits = Limits::from(&self.config);
        let leaving = Leaving::default();
        let shutdown = leaving.clone().after(shutdown, self.config.pause);
        let contract = Arc::new(Contract::read());
        let gateway = Gateway {
            upstreams: Upstreams::connect(&self.config, &contract),
            contract,
            config: Arc::new(self.config),
            leaving,
        };
        tracing::info!(%address, "listening");
        connections::serve(listener, router(gateway), limits, shutdown).await;
        tracing::info!(%address, "stopped");
        Ok(())
    }
}

/// The log is outermost, so that it sees preflights; CORS comes before the routes, so that every answer carries its headers.
fn router(gateway: Gateway) -> Router {
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
        .layer(middleware::from_fn(access_log::record))
        .with_state(gateway)
}
