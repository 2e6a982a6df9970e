//! Puts the service together and runs it.

pub(crate) mod parts;

use std::{sync::Arc, time::Duration};

use database::{Conditions, Lanes};
use serving::{
    health::{Health, Readiness},
    ops::Ops,
    process::Instruments,
    serve::Server,
};
use telemetry::metrics::Metrics;
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use verifier::Verifier;

use self::parts::Parts;
pub use self::parts::StartError;
use crate::{
    SCHEMA,
    config::Config,
    context::Context,
    revocations, sessions,
    signing_keys::{Replica, SigningKeys, sealing::OpenError},
    sweeper,
};

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
    context: Context,
    feed_lane: Lanes,
    audit_retention: Duration,
    /// Tasks that record what calls did after they were answered.
    records: TaskTracker,
}

impl App {
    /// Puts the service together. It connects to its database in the background, and must be called within a runtime.
    pub fn new(config: Config, instruments: Instruments) -> Result<Self, StartError> {
        let Instruments {
            clock,
            metrics,
            tracing,
            ops,
        } = instruments;
        parts::warn_of_weak_hashing(config.hash);
        let parts = Parts::new(&config, clock, &metrics)?;
        let feed_lane = revocations::lane_settings(&config.database);
        let feed_lane = parts.context.lanes.beside(feed_lane, &metrics, "feed");
        let feed_lane = feed_lane.map_err(StartError::Database)?;
        parts.register(&metrics);
        let surface = parts.surface(&config).with_secrets(config.service_secrets);
        let health = Health::new(surface.names().iter().copied());
        let verifier = parts.verifier.clone();
        let server = Server::new(surface, health.clone(), verifier, config.server)?;
        Ok(Self {
            server: server
                .with_tls(config.tls)
                .with_metrics(&metrics)
                .named(crate::SERVICE)
                .with_tracing(tracing),
            signing_keys: parts.signing_keys,
            verifier: parts.verifier,
            health,
            metrics,
            ops,
            context: parts.context,
            feed_lane,
            audit_retention: config.audit_retention,
            records: parts.records,
        })
    }

    /// Serves on `listener` until `shutdown` resolves. Then it stops in this order: calls under way, background tasks,
    /// connections to the database. It also stops when the active signing key cannot be opened at the start.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let ops = self.ops.start(self.health.clone(), self.metrics);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (ready, signs) = watch::channel(false);
        let database = Conditions::follow(&tasks, &self.context.lanes, SCHEMA, &stop);
        let mut conditions = database.named();
        conditions.push(("signing key", signs));
        tasks.spawn(Readiness::new(conditions).follow(self.health, stop.clone()));
        let retention = self.audit_retention;
        spawn_tasks(&tasks, &self.context, self.feed_lane, retention, &stop);
        let replica = Replica::new(self.signing_keys, self.verifier, ready);
        let (failed, failure) = oneshot::channel();
        tasks.spawn(send_failure(replica.run(stop.clone()), failed));

        let mut fault = None;
        let draining = async {
            tokio::select! {
                () = shutdown => {}
                Ok(error) = failure => fault = Some(error),
            }
            self.context.feed.drain();
        };
        self.server.run(listener, draining).await;

        stop.cancel();
        for tracker in [tasks, self.records] {
            tracker.close();
            tracker.wait().await;
        }
        self.context.lanes.close().await;
        ops.stop().await;
        fault.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Starts the tasks that publish revocations and delete what has expired.
fn spawn_tasks(
    tasks: &TaskTracker,
    context: &Context,
    feed_lane: Lanes,
    audit_retention: Duration,
    stop: &CancellationToken,
) {
    let clock = || Arc::clone(&context.clock);
    let lanes = || context.lanes.clone();
    for sweep in sweeper::sweeps(audit_retention) {
        tasks.spawn(sweep.run(lanes(), clock(), stop.clone()));
    }
    tasks.spawn(sessions::sweep::run(lanes(), clock(), stop.clone()));
    let feed = context.feed.clone();
    tasks.spawn(revocations::publish(feed, feed_lane, clock(), stop.clone()));
}

/// Sends the error of a background task that fails.
async fn send_failure<E>(task: impl Future<Output = Result<(), E>>, failed: oneshot::Sender<E>) {
    if let Err(error) = task.await {
        // If nobody receives it, the service is stopping already.
        drop(failed.send(error));
    }
}
