//! The auth service: accounts, sessions, and the tokens of both.
//!
//! One road: [`grpc`] parses and converts, `accounts` and `sessions` decide and own the transactions, `store` has every
//! statement. [`App`] is the whole; it can run in a process of its own or beside others.

mod accounts;
mod administration;
mod admission;
mod api_key;
mod api_keys;
pub mod config;
mod confirmed;
mod decision;
mod device;
pub mod domain;
pub mod error;
pub mod feed;
mod grpc;
mod introspection;
mod key_ring;
pub mod keys_command;
mod meter;
pub mod operator;
mod parts;
pub mod password;
mod refresh;
pub mod refresh_token;
pub mod restoration;
pub mod sessions;
mod sign_in;
pub mod signing;
pub mod signing_keys;
mod store;
mod surface;
mod sweeper;
pub mod throttle;
pub mod tokens;

use std::sync::Arc;

use shared::{
    access::PolicyError,
    clock::Clock,
    database::Lanes,
    health::Health,
    metrics::Metrics,
    ops::Ops,
    readiness::{self, Schema},
    serve::Server,
    token::Verifier,
    trace::Tracing,
};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accounts::Accounts,
    config::Config,
    device::Devices,
    feed::Feed,
    introspection::Introspection,
    meter::Meter,
    password::Hasher,
    refresh_token::KeyRingError,
    sessions::Sessions,
    signing::sealing::{KeyEncryptionKeysError, OpenError},
    signing_keys::{Replica, SigningKeys},
    throttle::Throttle,
    tokens::Mint,
};

/// What this service is called in telemetry.
pub const SERVICE: &str = "tandem-auth";

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/auth");
/// The tables of this service.
pub const SCHEMA: Schema = Schema {
    name: "auth",
    migrations: &MIGRATIONS,
};

/// Why the service cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The keys that seal signing keys contradict one another.
    #[error(transparent)]
    KeyEncryptionKeys(#[from] KeyEncryptionKeysError),
    /// The keys of the refresh tokens contradict one another.
    #[error(transparent)]
    RefreshKeys(#[from] KeyRingError),
    /// Password hashing cannot be started.
    #[error(transparent)]
    Hashing(#[from] password::StartError),
    /// The database's URL cannot be read.
    #[error("auth.database.url cannot be read")]
    Database(#[source] sqlx::Error),
    /// An RPC does not say who may call it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Why the service has stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The signing key in the database cannot be opened with this configuration.
    #[error(transparent)]
    SigningKey(#[from] OpenError),
}

/// The service, ready to serve.
#[derive(Debug)]
pub struct App {
    server: Server,
    signing_keys: SigningKeys,
    verifier: Verifier,
    health: Health,
    metrics: Metrics,
    ops: Ops,
    lanes: Lanes,
    feed: Feed,
    feed_lane: Lanes,
    clock: Arc<dyn Clock>,
    /// Records of calls that have been answered.
    records: TaskTracker,
}

impl App {
    /// Puts the service together. It connects to its database in the background; must be called within a runtime.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::counted(config, clock, &Metrics::off())
    }

    /// Like [`App::new`], and counts in `metrics` what it does.
    pub fn counted(
        config: Config,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
    ) -> Result<Self, StartError> {
        parts::warn_of_cheap_hashing(config.hash);
        let feed = Feed::new(config.feed, parts::lag(&config));
        let feed_lane = Lanes::counted(feed::lane(&config.database), metrics, "feed")
            .map_err(StartError::Database)?;
        let lanes = Lanes::counted(config.database.clone(), metrics, "calls")
            .map_err(StartError::Database)?;
        let hasher = Hasher::start(config.hash, config.peppers.clone())?
            .counting_in(metrics, config.hash.threads);
        let meter = Arc::new(Meter::new(metrics));
        let verifier = parts::verifier(&config.profile, config.leeway, &clock);
        let ring = parts::refresh_keys(&config)?;
        let signing_keys = parts::signing_keys(&config, &lanes, &feed, &clock)?;
        let mint = Arc::new(Mint::new(config.profile, signing_keys.clone(), ring));

        let records = TaskTracker::new();
        let sessions = Sessions::new(
            lanes.clone(),
            mint,
            Arc::new(Throttle::new(
                config.throttle,
                Arc::clone(&clock),
                Arc::clone(&meter),
            )),
            feed.clone(),
            Arc::clone(&clock),
            config.lifetimes,
            meter,
        );
        let accounts = Accounts::new(sessions.clone(), hasher, records.clone());
        let devices = Devices {
            sessions: sessions.clone(),
            verifier: verifier.clone(),
        };
        let introspection = Introspection {
            sessions: sessions.clone(),
            verifier: verifier.clone(),
        };
        let surface = surface::of(
            accounts,
            sessions,
            devices,
            signing_keys.clone(),
            introspection,
        )
        .admitting(config.service_secrets);
        feed.tell(metrics);
        signing_keys.tell(metrics);
        verifier.tell(metrics);
        let health = Health::new(surface.names().iter().copied());
        Ok(Self {
            server: Server::new(surface, health.clone(), verifier.clone(), config.server)?
                .speaking(config.tls)
                .counting_in(metrics),
            metrics: metrics.clone(),
            ops: Ops::none(),
            signing_keys,
            verifier,
            health,
            lanes,
            feed,
            feed_lane,
            clock,
            records,
        })
    }

    /// Opens this operations port while it serves.
    #[must_use]
    pub fn with_ops(self, ops: Ops) -> Self {
        Self { ops, ..self }
    }

    /// Traces calls by `tracing`.
    #[must_use]
    pub fn traced(mut self, tracing: Tracing) -> Self {
        self.server = self.server.traced(tracing);
        self
    }

    /// Serves on `listener` until `shutdown` resolves, then stops: calls under way, then background tasks, then the
    /// connections to the database. It also stops when the signing key cannot be opened at the start.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let ops = self.ops.start(self.health.clone(), self.metrics);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (loaded, signs) = watch::channel(false);
        let more = vec![("signing key", signs)];
        readiness::follow(&tasks, self.health, &self.lanes, SCHEMA, more, &stop);
        let clock = || Arc::clone(&self.clock);
        tasks.spawn(sweeper::sweep(self.lanes.clone(), clock(), stop.clone()));
        tasks.spawn(feed::sweep(self.lanes.clone(), clock(), stop.clone()));
        let feed = self.feed.clone();
        tasks.spawn(feed::publish(feed, self.feed_lane, clock(), stop.clone()));
        let replica = Replica::new(self.signing_keys, self.verifier, loaded);
        let (broken, cause) = oneshot::channel();
        tasks.spawn(report(replica.run(stop.clone()), broken));

        let mut fault = None;
        let ending = async {
            tokio::select! {
                () = shutdown => {}
                Ok(error) = cause => fault = Some(error),
            }
            self.feed.end();
        };
        self.server.run(listener, ending).await;

        stop.cancel();
        for tracker in [tasks, self.records] {
            tracker.close();
            tracker.wait().await;
        }
        self.lanes.close().await;
        ops.stop().await;
        fault.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Tells why a background task has failed.
async fn report<E>(task: impl Future<Output = Result<(), E>>, failed: oneshot::Sender<E>) {
    if let Err(error) = task.await {
        // Whoever would listen is stopping already.
        drop(failed.send(error));
    }
}
