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

use shared::{
    access::PolicyError,
    clock::Clock,
    database::Lanes,
    health::Health,
    paging::PageTokens,
    proto::{
        auth::auth_service_client::AuthServiceClient, task::task_service_server::TaskServiceServer,
    },
    readiness::{self, Schema},
    serve::{Server, Surface},
    token::{Verifier, follow},
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::{Channel, Endpoint};

use crate::{config::Config, tasks::Tasks};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/tasks");
/// The tables of this service.
pub const SCHEMA: Schema = Schema {
    name: "tasks",
    migrations: &MIGRATIONS,
};

/// Largest request, in bytes.
const LARGEST_REQUEST: usize = 64 * 1024;

/// Why the service cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database's URL is none.
    #[error("the database URL cannot be used")]
    DatabaseUrl(#[source] sqlx::Error),
    /// The auth service's address is none.
    #[error("the address of the auth service cannot be used")]
    Upstream(#[source] tonic::transport::Error),
    /// An RPC does not say who may call it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Where the verification keys come from.
#[derive(Debug)]
enum Keys {
    /// This service reads them from the auth service and keeps them fresh.
    Followed(Channel),
    /// Whoever made the verifier keeps its keys fresh.
    Given,
}

/// The service, ready to serve.
#[derive(Debug)]
pub struct App {
    config: Config,
    clock: Arc<dyn Clock>,
    verifier: Verifier,
    keys: Keys,
}

impl App {
    /// The service as `config` describes it. It reads the verification keys from the auth service.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let upstream = Endpoint::new(config.auth_upstream.clone()).map_err(StartError::Upstream)?;
        let verifier = Verifier::new(config.trust.clone(), Arc::clone(&clock));
        Ok(Self {
            keys: Keys::Followed(upstream.connect_lazy()),
            config,
            clock,
            verifier,
        })
    }

    /// The service with a verifier whose keys somebody else keeps fresh, such as the auth service in the same process.
    #[must_use]
    pub fn trusting(config: Config, clock: Arc<dyn Clock>, verifier: Verifier) -> Self {
        Self {
            config,
            clock,
            verifier,
            keys: Keys::Given,
        }
    }

    /// Serves until `shutdown` resolves and calls under way have ended.
    ///
    /// It serves at once and tells by its health when it is ready: connected, migrated, and with keys.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), StartError> {
        let lanes = Lanes::start(self.config.database).map_err(StartError::DatabaseUrl)?;
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
        let server = Server::new(surface, health.clone(), self.verifier.clone(), limits)?;

        let stop = CancellationToken::new();
        let background = TaskTracker::new();
        let (loaded, keys) = watch::channel(matches!(self.keys, Keys::Given));
        if let Keys::Followed(channel) = self.keys {
            let issuer = AuthServiceClient::new(channel);
            background.spawn(follow(self.verifier, issuer, loaded.clone(), stop.clone()));
        }
        let more = vec![("keys", keys)];
        readiness::follow(&background, health, &lanes, SCHEMA, more, &stop);
        background.spawn(tasks.sweep_until(stop.clone()));
        background.close();

        server.run(listener, shutdown).await;
        stop.cancel();
        background.wait().await;
        lanes.close().await;
        // Kept until now: a readiness condition fails when nobody vouches for it any more.
        drop(loaded);
        Ok(())
    }
}

/// A fresh database with this service's schema.
#[cfg(test)]
async fn testing_database() -> testing::Database {
    testing::Database::with(&[SCHEMA]).await
}
