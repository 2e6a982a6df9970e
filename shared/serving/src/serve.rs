//! One HTTP/2 server with health, reflection, limits, and a graceful stop that has its own time limit.
//!
//! It uses the accept loop of [`transport::connections`], not the one of the gRPC library. In that library, a deadline starts
//! only after admission and is answered with CANCELLED, the number of streams has no limit by default, and a stop waits for
//! connections without a limit.

use std::{sync::Arc, time::Duration};

use contract::proto::FILE_DESCRIPTOR_SET;
use http::Request;
use prost_reflect::DescriptorPool;
use telemetry::{metrics::Metrics, trace::Tracing};
use tls::{Protocols, ServerTls};
use tokio::{net::TcpListener, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
};
use transport::{
    connections::{ConnectionLimits, Connections},
    network::Network,
};
use verifier::Verifier;

pub use crate::rpc::MAX_MESSAGE_BYTES;
use crate::{
    access::{AccessPolicy, PolicyError},
    edge,
    health::Health,
    metrics::RPC_CAPACITY,
    reflection::Reflection,
    rpc::{CallContext, CallLayer, CallPlaces, RpcMetrics},
    service_secrets::ServiceSecrets,
};

/// How long connections may take to close after their calls were ended.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The limits of a server.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// Calls in flight at once: 1 to 1,000,000. More are refused with OVERLOADED. A call is in flight when its message is
    /// complete. Calls of services, health checks, and the streams of health and reflection have as many places of their own.
    pub max_in_flight: usize,
    /// How many percent of the places and of the unsent bytes one principal may have: 1 to 100. More are refused with `RATE_LIMITED`.
    pub principal_share: u8,
    /// How long after its headers the message of a call must be complete: 1 ms to 10 min.
    pub body_timeout: Duration,
    /// How long after the deadline of a call its answer may still be on its way: up to 1 min. After that its stream is reset.
    pub answer_grace: Duration,
    /// Bytes of answers that are not sent yet: 1 MiB to 1 TiB. Calls are refused with `OVERLOADED` while there are more, and with
    /// `RATE_LIMITED` while their principal has its share of them.
    pub max_unsent_bytes: usize,
    /// The longest a unary call may take from its arrival, also when its client allows more: 1 ms to 10 min.
    pub deadline: Duration,
    /// How long a server that was asked to stop still serves, while its health is `NOT_SERVING`: up to 1 h. Meanwhile load
    /// balancers notice and send calls elsewhere.
    pub pause: Duration,
    /// How long the calls in flight may take to finish after that: up to 1 h.
    pub drain: Duration,
    /// The limits of connections.
    pub connections: ConnectionLimits,
    /// Whether reflection is served.
    pub reflection: bool,
    /// Proxies whose `x-forwarded-for` is believed. From other clients that header is ignored.
    pub trusted_proxies: Vec<Network>,
}

/// The services of a server. The access policy is read for exactly these.
#[derive(Debug, Default)]
pub struct ServiceSet {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    secrets: ServiceSecrets,
}

impl ServiceSet {
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

    /// Sets the secrets that callers of SERVICE-level RPCs must show.
    #[must_use]
    pub fn with_secrets(self, secrets: ServiceSecrets) -> Self {
        Self { secrets, ..self }
    }

    /// Full names of the services.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Adds reflection, which describes the services that were added before. Its streams end at `stop`.
    fn with_reflection(self, pool: &DescriptorPool, stop: &CancellationToken) -> Self {
        let names = self.names.iter().map(|name| (*name).to_owned()).collect();
        let reflection = Reflection::new(pool.clone(), names).with_stop(stop.clone());
        self.with(reflection.v1()).with(reflection.v1alpha())
    }

    fn access_policy(&self, pool: &DescriptorPool) -> Result<AccessPolicy, PolicyError> {
        let policy = AccessPolicy::read(pool, self.names.iter().copied())?;
        if self.secrets.is_empty() {
            policy.require_no_service_rpcs()?;
        }
        Ok(policy)
    }
}

/// A server that is ready to run.
#[derive(Debug)]
pub struct Server {
    routes: Routes,
    context: Arc<CallContext>,
    health: Health,
    max_in_flight: usize,
    pause: Duration,
    drain: Duration,
    connections: Connections,
    /// Ends the streams of reflection, which a client could keep open without a limit.
    streams_end: CancellationToken,
}

impl Server {
    /// Puts the layer around the calls in front of `surface`, and adds health and reflection.
    ///
    /// # Errors
    /// An RPC does not declare who may call it, or an RPC is for services and `surface` has no secrets: default deny.
    pub fn new(
        surface: ServiceSet,
        health: Health,
        verifier: Verifier,
        limits: ServerLimits,
    ) -> Result<Self, PolicyError> {
        let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET)
            .expect("the compiled descriptors are well-formed");
        let streams_end = CancellationToken::new();
        let mut surface = surface.with(health.service());
        if limits.reflection {
            surface = surface.with_reflection(&pool, &streams_end);
        }
        let policy = surface.access_policy(&pool)?;
        let context = CallContext {
            service: None,
            metrics: RpcMetrics::new(&Metrics::off(), policy.methods()),
            policy,
            verifier,
            secrets: surface.secrets,
            places: CallPlaces::new(
                limits.max_in_flight,
                limits.max_unsent_bytes,
                limits.principal_share,
            ),
            body_timeout: limits.body_timeout,
            answer_grace: limits.answer_grace,
            max_deadline: limits.deadline,
            trusted_proxies: limits.trusted_proxies,
            tracing: Tracing::off(),
            abort: CancellationToken::new(),
        };
        Ok(Self {
            routes: surface.routes.routes().prepare(),
            context: Arc::new(context),
            health,
            max_in_flight: limits.max_in_flight,
            pause: limits.pause,
            drain: limits.drain,
            connections: Connections::new(limits.connections, Protocols::Http2),
            streams_end,
        })
    }

    /// Uses TLS, if `tls` is given.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<ServerTls>) -> Self {
        self.connections = self.connections.with_tls(tls);
        self
    }

    /// Names the service in its access lines.
    #[must_use]
    pub fn named(mut self, service: &'static str) -> Self {
        self.context_mut().service = Some(service);
        self
    }

    /// Traces calls with `tracing`.
    #[must_use]
    pub fn with_tracing(mut self, tracing: Tracing) -> Self {
        self.context_mut().tracing = tracing;
        self
    }

    /// Counts what the server does in `metrics`.
    #[must_use]
    pub fn with_metrics(mut self, metrics: &Metrics) -> Self {
        let context = self.context_mut();
        context.metrics = RpcMetrics::new(metrics, context.policy.methods());
        self.connections = self.connections.with_metrics(metrics);
        let capacity = u32::try_from(self.max_in_flight).map_or(f64::MAX, f64::from);
        metrics.gauge(&RPC_CAPACITY, move || vec![(capacity, Vec::new())]);
        self.health.register_metrics(metrics);
        self
    }

    /// Its connections, to observe them. Call it after [`Server::with_tls`] and [`Server::with_metrics`].
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// Serves until `shutdown` resolves. Then it stops: its health is `NOT_SERVING`; after the pause the listener is closed and
    /// connections get a GOAWAY; calls in flight finish within the drain time; the others are answered with DRAINING.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let service = edge::service(CallLayer {
            context: Arc::clone(&self.context),
            inner: self.routes.clone(),
        });
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

    fn context_mut(&mut self) -> &mut CallContext {
        Arc::get_mut(&mut self.context).expect("the server is configured before it runs")
    }

    async fn stop(&self) {
        let began = Instant::now();
        self.streams_end.cancel();
        self.connections.drain();
        self.health.close();
        if !self.connections.closed_within(self.drain).await {
            let calls = self.context.places.in_flight();
            let connections = self.connections.counts().open;
            tracing::warn!(calls, connections, drain = ?self.drain, "the drain time is over: ending the calls in flight");
            self.context.abort.cancel();
            if !self.connections.closed_within(CLOSE_TIMEOUT).await {
                tracing::warn!(
                    connections = self.connections.counts().open,
                    "closing the connections that did not end"
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
