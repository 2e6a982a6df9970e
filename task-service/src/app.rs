//! Puts the parts of the service together, and serves.

use std::sync::Arc;
use tonic::codec::CompressionEncoding;

use api::paging::PageTokens;
use contract::proto::task::task_service_server::TaskServiceServer;
use database::{Conditions, Lanes};
use serving::{
    access::PolicyError,
    health::{Health, Readiness},
    process::Instruments,
    serve::{Server, ServiceSet},
};
use tls::{MissingAuthority, Upstream};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use verifier::{Revocations, Verifier};

use crate::{
    config::Config,
    context::Context,
    deleted_accounts::Reader,
    feed::{Feed, Subscription},
    grpc::Router,
    lists::Lists,
    purge::{
        Purge,
        metrics::{RemovalMetrics, Rows},
    },
    schema::SCHEMA,
    tasks::Tasks,
};

/// The name of this service in telemetry.
pub const SERVICE: &str = "tandem-task";
/// The largest request message, in bytes.
const MAX_REQUEST_BYTES: usize = serving::serve::MAX_MESSAGE_BYTES;

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The URL of the database is not valid.
    #[error("the database URL cannot be used")]
    DatabaseUrl(#[source] sqlx::Error),
    /// The address of the auth service cannot be used.
    #[error(transparent)]
    Upstream(#[from] MissingAuthority),
    /// An RPC does not declare who may call it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// The service, ready to serve.
#[derive(Debug)]
pub struct App {
    config: Config,
    instruments: Instruments,
    verifier: Verifier,
    feed: Feed,
    /// The replicas of the auth service; none when the caller keeps the verifier up to date.
    auth: Vec<Upstream>,
}

impl App {
    /// The service that `config` describes. It subscribes to the auth service to learn which tokens are revoked and which
    /// keys sign.
    pub fn new(config: Config, instruments: Instruments) -> Result<Self, StartError> {
        let tls = config.upstream_tls.clone();
        let replicas = config.auth_upstream.iter();
        let auth = replicas.map(|replica| Upstream::new(replica, tls.as_ref()));
        let auth = auth.collect::<Result<Vec<_>, _>>()?;
        let subscription = Subscription {
            auth: auth.clone(),
            tls,
            service_secret: config.service_secret.clone(),
            verifier_id: config.verifier_id.clone(),
        };
        let verifier = Verifier::new(
            config.trust.clone(),
            Revocations::Followed(config.staleness),
            config.remembered_tokens,
            Arc::clone(&instruments.clock),
        );
        Ok(Self {
            feed: Feed::Subscribed(Box::new(subscription)),
            auth,
            ..Self::trusting(config, instruments, verifier)
        })
    }

    /// The service with a verifier that the caller keeps up to date.
    #[must_use]
    pub fn trusting(config: Config, instruments: Instruments, verifier: Verifier) -> Self {
        Self {
            config,
            instruments,
            verifier,
            feed: Feed::External,
            auth: Vec::new(),
        }
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
        let metrics = &self.instruments.metrics;
        let lanes = Lanes::counted(self.config.database.clone(), metrics, "calls")
            .map_err(StartError::DatabaseUrl)?;
        let scans = lanes
            .beside(self.config.scans.clone(), metrics, "scans")
            .map_err(StartError::DatabaseUrl)?;
        let context = Context {
            lanes: lanes.clone(),
            scans: scans.clone(),
            clock: Arc::clone(&self.instruments.clock),
        };
        let (server, health) = self.server(&context)?;
        self.register_metrics();
        let jobs = self.jobs(&context);
        let instruments = self.instruments;
        let ops = instruments.ops.start(health.clone(), instruments.metrics);

        let stop = CancellationToken::new();
        let background = TaskTracker::new();
        let (feed_ready, revocations) = watch::channel(false);
        let verifier = (instruments.tracing, self.verifier);
        self.feed.follow(verifier, &feed_ready, &background, &stop);
        let database = Conditions::follow(&background, &lanes, SCHEMA, &stop);
        let mut conditions = database.named();
        conditions.push(("revocations", revocations));
        background.spawn(Readiness::new(conditions).follow(health, stop.clone()));
        jobs.spawn(&background, &stop, &database.migrated);
        background.close();

        server.run(listener, shutdown).await;
        stop.cancel();
        background.wait().await;
        tokio::join!(lanes.close(), scans.close());
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
        let service = TaskServiceServer::new(router)
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .accept_compressed(CompressionEncoding::Gzip);
        let surface = ServiceSet::default().with(service);
        let health = Health::new(surface.names().iter().copied());
        let limits = self.config.server.clone();
        let server = Server::new(surface, health.clone(), self.verifier.clone(), limits)?
            .with_tls(self.config.tls.clone())
            .with_metrics(&self.instruments.metrics)
            .named(SERVICE)
            .with_tracing(self.instruments.tracing.clone());
        Ok((server, health))
    }

    /// The jobs that remove rows.
    fn jobs(&self, context: &Context) -> Jobs {
        let metrics = &self.instruments.metrics;
        let removal = RemovalMetrics::new(metrics, Arc::clone(&context.clock));
        let deleted = Arc::new(Notify::new());
        let purge = |rows, due| Purge::new(rows, due, context.clone(), removal.clone());
        let service = (self.auth.clone(), self.config.service_secret.clone());
        let poll = self.config.deletions_poll;
        Jobs {
            expired: purge(Rows::Expired, Arc::new(Notify::new())),
            deleted: purge(Rows::DeletedAccounts, Arc::clone(&deleted)),
            reader: Reader::new(context.clone(), service, poll, deleted, metrics),
        }
    }

    fn register_metrics(&self) {
        self.verifier.register_metrics(&self.instruments.metrics);
        if let Some(tls) = &self.config.upstream_tls {
            tls.register_metrics(&self.instruments.metrics);
        }
    }
}

/// The jobs that remove rows.
struct Jobs {
    expired: Purge,
    deleted: Purge,
    reader: Reader,
}

impl Jobs {
    fn spawn(
        self,
        background: &TaskTracker,
        stop: &CancellationToken,
        migrated: &watch::Receiver<bool>,
    ) {
        background.spawn(self.expired.run(stop.clone(), migrated.clone()));
        background.spawn(self.deleted.run(stop.clone(), migrated.clone()));
        background.spawn(self.reader.run(stop.clone(), migrated.clone()));
    }
}
