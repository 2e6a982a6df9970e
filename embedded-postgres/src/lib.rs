//! A real, private PostgreSQL that runs from the binaries installed on this machine.
//!
//! It listens on a Unix socket that only its owner can open. When this process is root, the server runs as an unprivileged
//! user. It runs as long as its owner, which is this process: [`EmbeddedPostgres::stop`] stops it cleanly, and a small
//! supervisor stops it when the owner is killed. Committed data survives the death of both, and the next start recovers it.

mod account;
mod binaries;
mod cluster;
mod error;
mod home;
mod orphans;
mod server;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

pub use crate::error::Error;
use crate::{binaries::Binaries, home::Home, server::SupervisedServer};

/// The role that owns everything in a private server.
const SUPERUSER: &str = "postgres";
/// SQLSTATE `duplicate_database`.
const DUPLICATE_DATABASE: &str = "42P04";
/// SQLSTATE `unique_violation`. Two parallel `create database` statements with one name can also fail with it.
const UNIQUE_VIOLATION: &str = "23505";

/// Whether a commit reaches the disk before it is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// `fsync`, `synchronous_commit` and `full_page_writes` are on.
    Full,
    /// All three are off. Only for data that may be lost.
    Off,
}

/// The settings of a private server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory of the server, which is created if it is missing. `None` for a temporary directory, which is removed when the
    /// server stops.
    pub directory: Option<PathBuf>,
    /// The folder of `initdb` and `postgres`. `None` to search PATH, then the usual install folders.
    pub binaries: Option<PathBuf>,
    /// Whether a commit reaches the disk before it is confirmed.
    pub durability: Durability,
    /// How many connections it accepts, including those reserved for the superuser.
    pub max_connections: u16,
}

impl Settings {
    /// A server whose data is kept in `directory`.
    pub fn durable(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: Some(directory.into()),
            durability: Durability::Full,
            ..Self::throwaway()
        }
    }

    /// A server for tests. Its data is removed when it stops.
    #[must_use]
    pub fn throwaway() -> Self {
        Self {
            directory: None,
            binaries: None,
            durability: Durability::Off,
            max_connections: 200,
        }
    }
}

/// A running private server. Dropping it also stops the server, but does not wait for the end.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    server: SupervisedServer,
    home: Arc<Home>,
}

impl EmbeddedPostgres {
    /// Starts a server and waits until it answers, at most a minute.
    ///
    /// An orphaned server on the same data, whose owner has died, is stopped first. If the account that PostgreSQL runs as
    /// cannot reach the directory (for example below `/root`), a directory in `/var/lib` replaces it, and this is logged.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let home = blocking({
            let settings = settings.clone();
            move || Home::open(&settings).map(Arc::new)
        })
        .await?;
        match Self::start_in(&home, settings).await {
            Ok(server) => {
                tracing::info!(directory = %home.path.display(), account = %home.account, "private PostgreSQL started");
                Ok(Self { server, home })
            }
            Err(error) => {
                home.discard_leftovers();
                Err(error)
            }
        }
    }

    /// Starts the server in its directories, and creates the cluster if there is none.
    async fn start_in(home: &Arc<Home>, settings: Settings) -> Result<SupervisedServer, Error> {
        orphans::stop(&home.cluster()).await?;
        let binaries = blocking({
            let (home, settings) = (Arc::clone(home), settings.clone());
            move || {
                let binaries =
                    Binaries::find(settings.binaries.as_deref(), &home.account, &home.cluster())?;
                cluster::create_if_missing(&home, &binaries, settings.durability)?;
                Ok(binaries)
            }
        })
        .await?;
        SupervisedServer::start(home, &binaries, &settings, &url(&home.socket, "postgres")).await
    }

    /// The connection URL of a database, for sqlx and libpq.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url(&self.home.socket, database)
    }

    /// The Unix socket that the server listens on.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.home.socket.join(".s.PGSQL.5432")
    }

    /// The directory of the server: the requested one, or its replacement.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.home.path
    }

    /// Creates a database unless it exists. `name` may have any characters. PostgreSQL uses the first 63 bytes.
    pub async fn create_database_if_missing(&self, name: &str) -> Result<(), Error> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        let quoted = name.replace('"', "\"\"");
        let created = sqlx::raw_sql(AssertSqlSafe(format!("create database \"{quoted}\"")))
            .execute(&mut connection)
            .await;
        connection.close().await?;
        match created {
            Ok(_) => Ok(()),
            Err(sqlx::Error::Database(error))
                if matches!(
                    error.code().as_deref(),
                    Some(DUPLICATE_DATABASE | UNIQUE_VIOLATION)
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until the server ends by itself, which never happens in normal operation. Returns how it ended.
    pub async fn ended(&mut self) -> String {
        self.server.ended().await
    }

    /// Stops the server. Open transactions are rolled back, and committed data is on disk when this returns.
    pub async fn stop(self) -> Result<(), Error> {
        let ended = self.server.stop().await?;
        tracing::info!(status = ?ended, "private PostgreSQL stopped");
        // Processes are left only when the supervisor itself was killed.
        orphans::stop(&self.home.cluster()).await
    }
}

/// The URL of a database behind a socket. It sets every parameter, so that none comes from the environment (`PGPORT`,
/// `PGSSLMODE`).
fn url(socket: &Path, database: &str) -> String {
    let socket = socket.display();
    format!("postgres:///{database}?host={socket}&port=5432&user={SUPERUSER}&sslmode=disable")
}

/// Runs blocking work on a thread for such work.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .expect("the work does not panic, and the runtime waits for it")
}
