//! The task service: every user's tasks, kept apart.
//!
//! [`App`] is the whole of it: settings and a clock in, a server on a listener out.

pub mod config;
pub mod domain;
pub mod error;
pub mod filter;
mod grpc;
mod lists;
mod message;
mod once;
pub mod order;
pub mod page_token;
mod purge;
pub mod request;
pub mod store;
pub mod tasks;

use std::sync::Arc;

use secrecy::SecretString;
use shared::{
    access::PolicyError,
    clock::Clock,
    database::Lanes,
    health::Health,
    metrics::Metrics,
    ops::Ops,
    paging::PageTokens,
    proto::task::task_service_server::TaskServiceServer,
    readiness::{self, Schema},
    serve::{Server, Surface},
    tls::{self, ClientTls, NoTls, Upstream},
    token::{Revocations, Verifier, feed},
    trace::Tracing,
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{config::Config, tasks::Tasks};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/tasks");
/// The tables of this service.
pub const SCHEMA: Schema = Schema {
    name: "tasks",
    migrations: &MIGRATIONS,
};

/// What this service is called in telemetry.
pub const SERVICE: &str = "tandem-task";
/// Largest request, in bytes.
const LARGEST_REQUEST: usize = 64 * 1024;

/// Why the service cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database's URL is none.
    #[error("the database URL cannot be used")]
    DatabaseUrl(#[source] sqlx::Error),
    /// The auth service's address cannot be used.
    #[error(transparent)]
    Upstream(#[from] NoTls),
    /// An RPC does not say who may call it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// How the verifier learns what is revoked and which keys sign.
#[derive(Debug)]
enum Feed {
    /// By subscribing to the auth service.
    Subscribed(Box<Subscription>),
    /// Whoever made the verifier sees to it.
    Given,
}

/// The auth service, and who it is that subscribes there.
#[derive(Debug)]
struct Subscription {
    auth: Vec<Upstream>,
    tls: Option<ClientTls>,
    service_secret: SecretString,
    verifier_id: String,
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
    /// The service as `config` describes it. The auth service tells it what is revoked and which keys sign.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let tls = config.upstream_tls.clone();
        let replicas = config.auth_upstream.iter();
        let auth = replicas.map(|replica| Upstream::new(replica, tls.as_ref()));
        let auth = auth.collect::<Result<_, _>>()?;
        let verifier = Verifier::new(
            config.trust.clone(),
            Revocations::Followed(config.staleness),
            config.remembered_tokens,
            Arc::clone(&clock),
        );
        Ok(Self {
            feed: Feed::Subscribed(Box::new(Subscription {
                auth,
                tls,
                service_secret: config.service_secret.clone(),
                verifier_id: config.verifier_id.clone(),
            })),
            config,
            clock,
            verifier,
            metrics: Metrics::off(),
            ops: Ops::none(),
            tracing: Tracing::off(),
        })
    }

    /// Like [`App::new`], and counts in `metrics` what it does.
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

    /// The service with a verifier that somebody else sees to. What is revoked is known if that verifier knows it.
    #[must_use]
    pub fn trusting(config: Config, clock: Arc<dyn Clock>, verifier: Verifier) -> Self {
        Self {
            config,
            clock,
            verifier,
            feed: Feed::Given,
            metrics: Metrics::off(),
            ops: Ops::none(),
            tracing: Tracing::off(),
        }
    }

    /// Opens this operations port while it serves.
    #[must_use]
    pub fn with_ops(self, ops: Ops) -> Self {
        Self { ops, ..self }
    }

    /// Traces calls, and the subscription to the auth service, by `tracing`.
    #[must_use]
    pub fn traced(self, tracing: Tracing) -> Self {
        Self { tracing, ..self }
    }

    /// Serves until `shutdown` resolves and calls under way have ended.
    ///
    /// It serves at once and tells by its health when it is ready: connected, migrated, and told what is revoked.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), StartError> {
        let lanes = Lanes::counted(self.config.database, &self.metrics, "calls")
            .map_err(StartError::DatabaseUrl)?;
        let tasks = Tasks {
            lanes: lanes.clone(),
            clock: self.clock,
            tokens: Arc::new(PageTokens::new(self.config.page_token_key.expose())),
            quota: self.config.quota,
            purge_after: self.config.purge_after,
        };
        let service =
            TaskServiceServer::new(tasks.clone()).max_decoding_message_size(LARGEST_REQUEST);
        let surface = Surface::default().with(service);
        let health = Health::new(surface.names().iter().copied());
        let limits = self.config.server;
        let server = Server::new(surface, health.clone(), self.verifier.clone(), limits)?
            .speaking(self.config.tls)
            .counting_in(&self.metrics)
            .traced(self.tracing.clone());
        self.verifier.tell(&self.metrics);
        if let Some(tls) = &self.config.upstream_tls {
            tls.tell(&self.metrics);
        }
        let ops = self.ops.start(health.clone(), self.metrics);

        let stop = CancellationToken::new();
        let background = TaskTracker::new();
        let (told, revocations) = watch::channel(false);
        let feed = (self.tracing, self.verifier);
        self.feed.follow(feed, &told, &background, &stop);
        let more = vec![("revocations", revocations)];
        let schema = readiness::follow(&background, health, &lanes, SCHEMA, more, &stop);
        background.spawn(tasks.sweep_until(stop.clone(), schema));
        background.close();

        server.run(listener, shutdown).await;
        stop.cancel();
        background.wait().await;
        lanes.close().await;
        ops.stop().await;
        // Kept until now: a readiness condition fails when nobody vouches for it any more.
        drop(told);
        Ok(())
    }
}

impl Feed {
    /// Keeps `verifier` told until `stop`, and `told` telling whether it is.
    fn follow(
        self,
        (tracing, verifier): (Tracing, Verifier),
        told: &watch::Sender<bool>,
        background: &TaskTracker,
        stop: &CancellationToken,
    ) {
        match self {
            Self::Subscribed(subscription) => {
                let Subscription {
                    auth,
                    tls,
                    service_secret,
                    verifier_id,
                } = *subscription;
                let (told, stop) = (told.clone(), stop.clone());
                let current = async move { tls::keep_current(tls.as_ref()).await };
                background.spawn(stop.clone().run_until_cancelled_owned(current));
                background.spawn(feed::subscribe_traced(
                    tracing,
                    verifier,
                    (auth, service_secret),
                    verifier_id,
                    told,
                    stop,
                ));
            }
            Self::Given => {
                told.send_replace(true);
            }
        }
    }
}

/// A fresh database with this service's schema.
#[cfg(test)]
async fn testing_database() -> testing::Database {
    testing::Database::with(&[SCHEMA]).await
}
