//! `serve(listener, …)`: one HTTP/2 server with health, reflection, limits and a graceful stop that has its own bound.
//!
//! The accept loop is ours, not the gRPC library's: its deadline starts after admission and answers CANCELLED, it has
//! no limit of streams by default, and it waits for connections without a bound when it stops.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::Request;
use hyper::{body::Incoming, server::conn::http2};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use prost_reflect::DescriptorPool;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
};
use tower::ServiceExt as _;

use crate::{
    access::{AccessPolicy, PolicyError},
    backlog,
    caller::Peer,
    health::Health,
    metrics::{Connections, Metrics, RpcMeter, definitions::RPC_CAPACITY},
    network::Network,
    proto::FILE_DESCRIPTOR_SET,
    reflection::Reflection,
    rpc::{Road, Rules},
    service_secrets::ServiceSecrets,
    token::Verifier,
    trace::Tracing,
};

/// How long connections may take to finish once their calls have been ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// HTTP/2 header list of one request, in bytes.
const HEADER_LIST: u32 = 16 * 1024;
/// After a failed accept (no file descriptors left, say) the next waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    /// Streams of one connection: 1 to 100,000.
    pub max_streams: u32,
    /// A silent connection is asked for a sign of life this often: 1 s to 1 h.
    pub keepalive_interval: Duration,
    /// A connection that gives none for this long is closed: 1 s to 1 h.
    pub keepalive_timeout: Duration,
    /// A connection this old (10 % more or less, so that they do not all come at once) is asked to go: its calls finish,
    /// new ones go to a new connection, so that load spreads over new servers: 1 s to 7 days.
    pub connection_age: Duration,
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
    limits: Limits,
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
        let metrics = Metrics::off();
        let rules = Rules {
            meter: RpcMeter::new(&metrics, policy.methods()),
            policy,
            verifier,
            secrets: surface.secrets,
            admission: Semaphore::new(limits.max_in_flight),
            longest: limits.deadline,
            trusted_proxies: limits.trusted_proxies.clone(),
            tracing: Tracing::off(),
            abort: CancellationToken::new(),
        };
        Ok(Self {
            routes: surface.routes.routes().prepare(),
            rules: Arc::new(rules),
            health,
            limits,
            connections: Connections::new(&metrics),
            goaway,
        })
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
        self.connections = Connections::new(metrics);
        let capacity = u32::try_from(self.limits.max_in_flight).map_or(f64::MAX, f64::from);
        metrics.gauge(&RPC_CAPACITY, move || vec![(capacity, Vec::new())]);
        self.health.tell(metrics);
        self
    }

    /// Serves until `shutdown` resolves, then stops: `NOT_SERVING`, the pause, no more connections, GOAWAY, calls under way
    /// finish within the drain bound, the rest are answered DRAINING.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let connections = TaskTracker::new();
        let http = self.http();
        let shutdown = async {
            shutdown.await;
            self.health.drain();
            if !self.limits.pause.is_zero() {
                tokio::time::sleep(self.limits.pause).await;
            }
        };
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.begin(&connections, &http, stream, peer),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        for (stream, peer) in backlog::close(listener) {
            self.begin(&connections, &http, stream, peer);
        }
        self.stop(&connections).await;
    }

    /// Counts a connection and serves it beside the others.
    fn begin(
        &self,
        connections: &TaskTracker,
        http: &http2::Builder<TokioExecutor>,
        stream: TcpStream,
        peer: SocketAddr,
    ) {
        let open = self.connections.accept();
        let connection = self.connection(http, stream, peer);
        connections.spawn(async move {
            connection.await;
            drop(open);
        });
    }

    async fn stop(&self, connections: &TaskTracker) {
        let began = Instant::now();
        self.goaway.cancel();
        self.health.close();
        connections.close();
        if tokio::time::timeout(self.limits.drain, connections.wait())
            .await
            .is_err()
        {
            let calls = self.limits.max_in_flight - self.rules.admission.available_permits();
            tracing::warn!(calls, connections = connections.len(), drain = ?self.limits.drain, "ending calls still under way");
            self.rules.abort.cancel();
            if tokio::time::timeout(LAST_WORDS, connections.wait())
                .await
                .is_err()
            {
                tracing::warn!(
                    connections = connections.len(),
                    "closing connections that did not end"
                );
            }
        }
        tracing::info!(
            ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "stopped serving"
        );
    }

    fn http(&self) -> http2::Builder<TokioExecutor> {
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.max_streams)
            .max_header_list_size(HEADER_LIST)
            .keep_alive_interval(self.limits.keepalive_interval)
            .keep_alive_timeout(self.limits.keepalive_timeout);
        http
    }

    /// One connection, until either end closes it.
    fn connection(
        &self,
        http: &http2::Builder<TokioExecutor>,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> impl Future<Output = ()> + Send + use<> {
        let road = Road {
            rules: Arc::clone(&self.rules),
            inner: self.routes.clone(),
        };
        let abort = self.rules.abort.clone();
        let leave = told_to_leave(self.goaway.clone(), self.limits.connection_age);
        let http = http.clone();
        async move {
            // Without it a small answer waits for the other end's delayed acknowledgement: 40 ms.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY could not be set");
            }
            let service = road.map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer));
                request.map(Body::new)
            });
            let connection =
                http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
            tokio::pin!(connection);
            let served = tokio::select! {
                served = connection.as_mut() => served,
                () = leave => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        served = connection.as_mut() => served,
                        () = after_last_words(&abort) => return,
                    }
                }
            };
            if let Err(error) = served {
                tracing::debug!(%error, %peer, "a connection ended badly");
            }
        }
    }
}

/// Resolves when a connection must take no new calls: it is old, or the server stops.
async fn told_to_leave(goaway: CancellationToken, age: Duration) {
    let mut entropy = [0];
    aws_lc_rs::rand::fill(&mut entropy).expect("the operating system gives random bytes");
    let age = age.mul_f64(0.9 + 0.2 * f64::from(entropy[0]) / 255.0);
    tokio::select! {
        () = goaway.cancelled() => {}
        () = tokio::time::sleep(age) => {}
    }
}

/// Resolves when a connection must end even though its last answers may not have been read.
async fn after_last_words(abort: &CancellationToken) {
    abort.cancelled().await;
    tokio::time::sleep(LAST_WORDS).await;
}
