//! `serve(listener, …)`: one HTTP/2 server with health, reflection, limits and a graceful stop that has its own bound.
//!
//! The accept loop ([`transport::connections`]) is ours, not the gRPC library's: its deadline starts after admission and answers
//! CANCELLED, it has no limit of streams by default, and it waits for connections without a bound when it stops.

use std::{sync::Arc, time::Duration};

use http::Request;
use hyper::body::Incoming;
use prost_reflect::DescriptorPool;
use tokio::{net::TcpListener, sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
};
use tower::ServiceExt as _;

use crate::{
    access::{AccessPolicy, PolicyError},
    health::Health,
    meter::RpcMeter,
    metrics::RPC_CAPACITY,
    reflection::Reflection,
    rpc::{Road, Rules},
    service_secrets::ServiceSecrets,
};
use contract::proto::FILE_DESCRIPTOR_SET;
use telemetry::{metrics::Metrics, trace::Tracing};
use tls::{Protocols, ServerTls};
use transport::{
    connections::{ConnectionLimits, Connections},
    network::Network,
};
use verifier::Verifier;

/// How long connections may take to finish once their calls have been ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The limits of a server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Calls under way at once, 1 to 1,000,000; more are refused with OVERLOADED.
    pub max_in_flight: usize,
    /// Longest a unary call may take from its arrival, whatever the client asks for: 1 ms to 10 min.
    pub deadline: Duration,
    /// How long a server that was asked to stop goes on as before, but for its health: up to 1 h. It gives those who
    /// route calls the time to see that it leaves.
    pub pause: Duration,
    /// How long calls under way may go on once no more are taken: up to 1 h.
    pub drain: Duration,
    /// What connections are held to.
    pub connections: ConnectionLimits,
    /// Whether reflection is served.
    pub reflection: bool,
    /// Proxies whose `x-forwarded-for` is believed; from anyone else that header is ignored.
    pub trusted_proxies: Vec<Network>,
}

/// The services of a server: what is served is what the access policy knows.
#[derive(Debug, Default)]
pub struct Surface {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    secrets: ServiceSecrets,
}

impl Surface {
    /// Adds a service.
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: tower::Service<Request<Body>, Error = std::convert::Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Says by which secrets callers of SERVICE-level RPCs are known.
    #[must_use]
    pub fn admitting(self, secrets: ServiceSecrets) -> Self {
        Self { secrets, ..self }
    }

    /// Full names of the services.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }
}

/// A server, ready to be run.
#[derive(Debug)]
pub struct Server {
    routes: Routes,
    rules: Arc<Rules>,
    health: Health,
    max_in_flight: usize,
    pause: Duration,
    drain: Duration,
    connections: Connections,
    /// Ends reflection streams, which a client may hold open for ever.
    goaway: CancellationToken,
}

impl Server {
    /// Puts the road in front of `surface`, and health and reflection beside it.
    ///
    /// Fails when an RPC does not declare who may call it, or is for services and none can be known: default deny.
    pub fn new(
        surface: Surface,
        health: Health,
        verifier: Verifier,
        limits: Limits,
    ) -> Result<Self, PolicyError> {
        let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET)
            .expect("the compiled descriptors are well-formed");
        let goaway = CancellationToken::new();
        let mut surface = surface.with(health.service());
        if limits.reflection {
            let names = surface
                .names
                .iter()
                .map(|name| (*name).to_owned())
                .collect();
            let reflection = Reflection::new(pool.clone(), names).ending_at(goaway.clone());
            surface = surface.with(reflection.v1()).with(reflection.v1alpha());
        }
        let policy = AccessPolicy::read(&pool, surface.names.iter().copied())?;
        if surface.secrets.is_empty() {
            policy.refuse_services()?;
        }
        let rules = Rules {
            meter: RpcMeter::new(&Metrics::off(), policy.methods()),
            policy,
            verifier,
            secrets: surface.secrets,
            admission: Semaphore::new(limits.max_in_flight),
            longest: limits.deadline,
            trusted_proxies: limits.trusted_proxies,
            tracing: Tracing::off(),
            abort: CancellationToken::new(),
        };
        Ok(Self {
            routes: surface.routes.routes().prepare(),
            rules: Arc::new(rules),
            health,
            max_in_flight: limits.max_in_flight,
            pause: limits.pause,
            drain: limits.drain,
            connections: Connections::new(limits.connections, Protocols::Http2),
            goaway,
        })
    }

    /// The same server, speaking TLS if it is given any.
    #[must_use]
    pub fn speaking(mut self, tls: Option<ServerTls>) -> Self {
        self.connections = self.connections.speaking(tls);
        self
    }

    /// Traces calls by `tracing`.
    #[must_use]
    pub fn traced(mut self, tracing: Tracing) -> Self {
        let rules = Arc::get_mut(&mut self.rules);
        rules.expect("nothing is served yet").tracing = tracing;
        self
    }

    /// Counts what the server does in `metrics`.
    #[must_use]
    pub fn counting_in(mut self, metrics: &Metrics) -> Self {
        let rules = Arc::get_mut(&mut self.rules).expect("nothing is served yet");
        rules.meter = RpcMeter::new(metrics, rules.policy.methods());
        self.connections = self.connections.counting_in(metrics);
        let capacity = u32::try_from(self.max_in_flight).map_or(f64::MAX, f64::from);
        metrics.gauge(&RPC_CAPACITY, move || vec![(capacity, Vec::new())]);
        self.health.tell(metrics);
        self
    }

    /// Its connections, for whoever follows them. What it is to speak and where it counts is said before.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// Serves until `shutdown` resolves, then stops: `NOT_SERVING`, the pause, no more connections, GOAWAY, calls under way
    /// finish within the drain bound, the rest are answered DRAINING.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let service = Road {
            rules: Arc::clone(&self.rules),
            inner: self.routes.clone(),
        }
        .map_request(|request: Request<Incoming>| request.map(Body::new));
        let shutdown = async {
            shutdown.await;
            self.health.drain();
            if !self.pause.is_zero() {
                tokio::time::sleep(self.pause).await;
            }
        };
        self.connections
            .accept_until(&listener, &service, shutdown)
            .await;
        self.connections.close(listener, &service);
        self.stop().await;
    }

    async fn stop(&self) {
        let began = Instant::now();
        self.goaway.cancel();
        self.connections.ask_to_leave();
        self.health.close();
        if !self.connections.gone_within(self.drain).await {
            let calls = self.max_in_flight - self.rules.admission.available_permits();
            let connections = self.connections.counts().open;
            tracing::warn!(calls, connections, drain = ?self.drain, "ending calls still under way");
            self.rules.abort.cancel();
            if !self.connections.gone_within(LAST_WORDS).await {
                tracing::warn!(
                    connections = self.connections.counts().open,
                    "closing connections that did not end"
                );
                self.connections.cut().await;
            }
        }
        tracing::info!(
            ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "stopped serving"
        );
    }
}
