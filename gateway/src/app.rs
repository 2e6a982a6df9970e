//! Puts the parts together: routes, layers, listener, graceful stop.

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::{
    Router, middleware,
    routing::{any, get},
};
use serving::{health::Health, process::Instruments};
use telemetry::trace::Tracing;
use tls::{self, MissingAuthority, Protocols};
use tokio::net::TcpListener;
use tower::Layer as _;
use tower_http::cors::Cors;
use transport::connections::Connections;

use crate::{
    config::Config,
    connect::openapi,
    console_files::ConsoleFiles,
    cookies::{self, CookieSettings},
    cors,
    draining::Draining,
    entry::Entry,
    monitoring::AccessLog,
    not_a_call::not_found,
    pages, rest, routes, rpc,
    state::GatewayState,
};

/// The name of the gateway in telemetry.
pub const SERVICE: &str = "tandem-gateway";

/// Why a gateway ended before it was stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener has no address.
    #[error("cannot accept connections: {0}")]
    Listener(#[source] io::Error),
    /// A service cannot be connected to.
    #[error(transparent)]
    Upstream(#[from] MissingAuthority),
}

/// A gateway that is ready to serve.
#[derive(Debug)]
pub struct App {
    config: Config,
    console: ConsoleFiles,
    instruments: Instruments,
}

impl App {
    /// A gateway with these settings. Nothing is opened before [`App::serve`]. A gateway is ready from its start until it is
    /// stopped, also while a service is away: a typed refusal is more useful to a client than a closed port.
    #[must_use]
    pub fn new(config: Config, instruments: Instruments) -> Self {
        Self {
            config,
            console: ConsoleFiles::embedded(),
            instruments,
        }
    }

    /// With another console than the one that was there when the gateway was built.
    #[must_use]
    pub fn with_console(self, console: ConsoleFiles) -> Self {
        Self { console, ..self }
    }

    /// Serves connections of `listener` until `shutdown` completes. Then `GET /health` answers 503; after
    /// [`Config::pause`] the listener is closed, and calls in flight may finish within [`Config::drain`]. The services need
    /// not be up: connections to them open when a call needs them.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let address = listener.local_addr().map_err(Error::Listener)?;
        let health = Health::new([]);
        health.set_ready(true);
        let connections = self.connections();
        let Instruments {
            metrics,
            tracing,
            ops,
            ..
        } = self.instruments;
        health.register_metrics(&metrics);
        let draining = Draining::default();
        let stopping = async {
            shutdown.await;
            health.drain();
        };
        let stopping = draining.clone().after(stopping, self.config.pause);
        let drain = self.config.drain;
        let upstream_tls = self.config.upstreams.tls.clone();
        let state = GatewayState::new(self.config, self.console, &metrics, draining)?;
        let entry = entry(state, tracing);
        let ops = ops.start(health.clone(), metrics);
        tokio::select! {
            () = connections.accept_until(&listener, &entry, stopping) => {}
            never = tls::keep_current(upstream_tls.as_ref()) => match never {},
        }
        connections.close(listener, &entry);
        drain_connections(&connections, drain).await;
        health.close();
        ops.stop().await;
        tracing::info!(%address, "stopped");
        Ok(())
    }

    fn connections(&self) -> Connections {
        if let Some(tls) = &self.config.upstreams.tls {
            tls.register_metrics(&self.instruments.metrics);
        }
        let limits = self.config.connections.clone();
        Connections::new(limits, Protocols::Http2AndHttp1)
            .with_tls(self.config.tls.clone())
            .with_metrics(&self.instruments.metrics)
    }
}

/// Lets the calls in flight finish, and closes the connections of those that do not within `timeout`.
async fn drain_connections(connections: &Connections, timeout: Duration) {
    connections.drain();
    if !connections.closed_within(timeout).await {
        tracing::warn!(
            connections = connections.counts().open,
            "connections closed with calls in flight: the drain time is over"
        );
        connections.cut().await;
    }
}

fn entry(state: GatewayState, tracing: Tracing) -> Entry {
    let log = AccessLog {
        tracing,
        catalog: Arc::clone(&state.catalog),
        metrics: Arc::clone(&state.metrics),
        trusted_proxies: state.config.trusted_proxies.as_slice().into(),
    };
    let router = public_documents()
        .with_state(state.clone())
        .fallback_service(private_routes(&state));
    Entry::new(log, state, router)
}

/// CORS comes before the routes, so that every answer has its headers.
fn private_routes(state: &GatewayState) -> Cors<Router> {
    let settings = cookie_settings(&state.config);
    let cookies = middleware::from_fn_with_state(settings, cookies::add_to_answers);
    let router = Router::new()
        .route(routes::INFO, get(pages::info))
        .route(routes::APP, get(pages::console_folder))
        .route(routes::APP_FOLDER, get(pages::console))
        .route(routes::APP_FILES, get(pages::console))
        .route(routes::HEALTH, get(pages::health))
        .route(routes::CONNECT_OPENAPI, get(openapi::page))
        .route("/{service}/{method}", any(rpc::call))
        .merge(rest::router(state))
        .fallback(not_found)
        .layer(cookies)
        .with_state(state.clone());
    cors::layer(&state.config.cors_origins).layer(router)
}

fn cookie_settings(config: &Config) -> Arc<CookieSettings> {
    Arc::new(CookieSettings {
        tls: config.tls.is_some(),
        trusted_proxies: config.trusted_proxies.clone(),
        instance: config.cookie_instance.clone(),
    })
}

/// What any program may read to verify tokens, also a page of any origin: it holds nothing of the caller.
fn public_documents() -> Router<GatewayState> {
    let of_path = format!("{}/{{*issuer}}", routes::METADATA);
    Router::new()
        .route(routes::JWKS, get(pages::jwks))
        .route(routes::METADATA, get(pages::metadata))
        .route(&of_path, get(pages::metadata))
        .layer(cors::public())
}
