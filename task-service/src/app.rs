//! Puts the parts of the service together, and serves.

use std::sync::Arc;

use api::paging::PageTokens;
use clock::Clock;
use contract::proto::task::task_service_server::TaskServiceServer;
use database::{Conditions, Lanes};
use serving::{
    access::PolicyError,
    health::{Health, Readiness},
    ops::Ops,
    serve::{Server, Surface},
};
use telemetry::{metrics::Metrics, trace::Tracing};
use tls::{NoTls, Upstream};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use verifier::{Revocations, Verifier};

use crate::{
    config::Config,
    context::Context,
    feed::{Feed, Subscription},
    grpc::Router,
    lists::Lists,
    purge::Purge,
    schema::SCHEMA,
    tasks::Tasks,
};

/// The name of this service in telemetry.
pub const SERVICE: &str = "tandem-task";
/// The largest request message, in bytes.
const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The URL of the database is not valid.
    #[error("the database URL cannot be used")]
    DatabaseUrl(#[source] sqlx::Error),
    /// The address of the auth service cannot be used.
    #[error(transparent)]
    Upstream(#[from] NoTls),
    /// An RPC does not declare who may call it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// The service, ready to serve.
#[derive(Debug)]
pub struct App {
    config: Config,
    clock: Arc<dyn Clock>,
    verifier: Verifier,
    feed: Feed,
    metrics: Metrics,
    ops: Ops,
    tracing: Tracing,
}

impl App {
    /// The service that `config` describes. It subscribes to the auth service to learn which tokens are revoked and which
    /// keys sign.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let tls = config.upstream_tls.clone();
        let replicas = config.auth_upstream.iter();
        let auth = replicas.map(|replica| Upstream::new(replica, tls.as_ref()));
        let subscription = Subscription {
            auth: auth.collect::<Result<_, _>>()?,
            tls,
            service_secret: config.service_secret.clone(),
            verifier_id: config.verifier_id.clone(),
        };
        let verifier = Verifier::new(
            config.trust.clone(),
            Revocations::Followed(config.staleness),
            config.remembered_tokens,
            Arc::clone(&clock),
        );
        Ok(Self {
            feed: Feed::Subscribed(Box::new(subscription)),
            ..Self::trusting(config, clock, verifier)
        })
    }

    /// Like [`App::new`]; registers its metrics in `metrics`.
    pub fn counted(
        config: Config,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
    ) -> Result<Self, StartError> {
        let metrics = metrics.clone();
        Ok(Self {
            metrics,
            ..Self::new(config, clock)?
        })
    }

    /// The service with a verifier that the caller keeps up to date.
    #[must_use]
    pub fn trusting(config: Config, clock: Arc<dyn Clock>, verifier: Verifier) -> Self {
        Self {
            config,
            clock,
            verifier,
            feed: Feed::External,
            metrics: Metrics::off(),
            ops: Ops::none(),
            tracing: Tracing::off(),
        }
    }

    /// Opens the operations port `ops` while it serves.
    #[must_use]
    pub fn with_ops(self, ops: Ops) -> Self {
        Self { ops, ..self }
    }

    /// Traces calls, and the subscription to the auth service, with `tracing`.
    #[must_use]
    pub fn traced(self, tracing: Tracing) -> Self {
        Self { tracing, ..self }
    }

    /// Serves until `shutdown` resolves and the calls in progress have ended.
    ///
    /// It accepts calls at once. Its health is SERVING once the database answers, has the schema, and the revocations are
    /// known.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), StartError> {
        let lanes = Lanes::counted(self.config.database.clone(), &self.metrics, "calls")
            .map_err(StartError::DatabaseUrl)?;
        let context = Context {
            lanes: lanes.clone(),
            clock: Arc::clone(&self.clock),
        };
        let (server, health) = self.server(&context)?;
        self.register_metrics();
        let ops = self.ops.start(health.clone(), self.metrics);

        let stop = CancellationToken::new();
        let background = TaskTracker::new();
        let (feed_ready, revocations) = watch::channel(false);
        let verifier = (self.tracing, self.verifier);
        self.feed.follow(verifier, &feed_ready, &background, &stop);
        let database = Conditions::follow(&background, &lanes, SCHEMA, &stop);
        let mut conditions = database.named();
        conditions.push(("revocations", revocations));
        background.spawn(Readiness::new(conditions).follow(health, stop.clone()));
        background.spawn(Purge { context }.run(stop.clone(), database.migrated));
        background.close();

        server.run(listener, shutdown).await;
        stop.cancel();
        background.wait().await;
        lanes.close().await;
        ops.stop().await;
        // Kept until now: a readiness condition fails when its sender is dropped.
        drop(feed_ready);
        Ok(())
    }

    /// The server with the RPCs of this service, and its health.
    fn server(&self, context: &Context) -> Result<(Server, Health), StartError> {
        let router = Router {
            tasks: Tasks {
                context: context.clone(),
                quota: self.config.quota,
                purge_after: self.config.purge_after,
            },
            lists: Lists {
                context: context.clone(),
                tokens: Arc::new(PageTokens::new(self.config.page_token_key.expose())),
            },
        };
        let service = TaskServiceServer::new(router).max_decoding_message_size(MAX_REQUEST_BYTES);
        let surface = Surface::default().with(service);
        let health = Health::new(surface.names().iter().copied());
        let limits = self.config.server.clone();
        let server = Server::new(surface, health.clone(), self.verifier.clone(), limits)?
            .speaking(self.config.tls.clone())
            .counting_in(&self.metrics)
            .traced(self.tracing.clone());
        Ok((server, health))
    }

    fn register_metrics(&self) {
        self.verifier.tell(&self.metrics);
        if let Some(tls) = &self.config.upstream_tls {
            tls.tell(&self.metrics);
        }
    }
}
