//! A real, private PostgreSQL run from the machine's own binaries.
//!
//! It listens on a Unix socket that only its owner can open, runs as an unprivileged user when started as root, and lives as
//! long as its owner: [`EmbeddedPostgres::stop`] ends it cleanly, and when the owner is killed a small supervisor does.
//! What was committed survives the death of both, and the next start recovers it.

mod account;
mod binaries;
mod cluster;
mod error;
mod home;
mod server;
mod survivors;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

pub use crate::error::Error;
use crate::{binaries::Binaries, home::Home, server::Server};

/// The name of the role that owns everything in a private server.
const SUPERUSER: &str = "postgres";
/// SQLSTATE `duplicate_database`.
const DUPLICATE_DATABASE: &str = "42P04";
/// SQLSTATE `unique_violation`, which two simultaneous `create database` of one name can also end in.
const UNIQUE_VIOLATION: &str = "23505";

/// Whether a commit reaches the disk before it is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// `fsync`, `synchronous_commit` and `full_page_writes` are on.
    Full,
    /// All three are off. Only for data that may be lost.
    Off,
}

/// What kind of server to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the server lives; made if missing. `None` for a temporary directory that is removed when it stops.
    pub directory: Option<PathBuf>,
    /// The folder of `initdb` and `postgres`. `None` to search PATH, then the usual install folders.
    pub binaries: Option<PathBuf>,
    /// Whether commits reach the disk.
    pub durability: Durability,
    /// How many connections it accepts, those reserved for the superuser included.
    pub max_connections: u16,
}

impl Settings {
    /// A server whose data stay in `directory`.
    pub fn durable(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: Some(directory.into()),
            durability: Durability::Full,
            ..Self::throwaway()
        }
    }

    /// A server for tests, gone when it stops.
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

/// A running private server. Dropping it stops the server too, without waiting for the end.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    server: Server,
    home: Arc<Home>,
}

impl EmbeddedPostgres {
    /// Starts a server and waits until it answers, at most a minute.
    ///
    /// A server that a dead owner left on the same data is stopped first. A directory that the account Postgres runs as
    /// cannot reach (below `/root`, say) is replaced by one in `/var/lib`, which the log says.
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

    /// Starts the server of a home, on a cluster made if there is none.
    async fn start_in(home: &Arc<Home>, settings: Settings) -> Result<Server, Error> {
        survivors::end(&home.cluster()).await?;
        let binaries = blocking({
            let (home, settings) = (Arc::clone(home), settings.clone());
            move || {
                let binaries =
                    Binaries::find(settings.binaries.as_deref(), &home.account, &home.cluster())?;
                cluster::make_if_missing(&home, &binaries, settings.durability)?;
                Ok(binaries)
            }
        })
        .await?;
        Server::start(home, &binaries, &settings, &url(&home.socket, "postgres")).await
    }

    /// The connection URL of a database, as sqlx and libpq read it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url(&self.home.socket, database)
    }

    /// The Unix socket that the server listens on.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.home.socket.join(".s.PGSQL.5432")
    }

    /// Where the server lives: the directory asked for, or the one in its stead.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.home.path
    }

    /// Makes a database unless it is there. `name` may hold any characters; Postgres takes the first 63 bytes.
    pub async fn create_database_if_missing(&self, name: &str) -> Result<(), Error> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        let quoted = name.replace('"', "\"\"");
        let made = sqlx::raw_sql(AssertSqlSafe(format!("create database \"{quoted}\"")))
            .execute(&mut connection)
            .await;
        connection.close().await?;
        match made {
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

    /// Waits until the server ends by itself, which it never should, and says how it did.
    pub async fn ended(&mut self) -> String {
        self.server.ended().await
    }

    /// Stops the server: open transactions are rolled back, and what was committed is on disk when this returns.
    pub async fn stop(self) -> Result<(), Error> {
        let ended = self.server.stop().await?;
        tracing::info!(status = ?ended, "private PostgreSQL stopped");
        // Nothing is left but when the supervisor itself was killed.
        survivors::end(&self.home.cluster()).await
    }
}

/// The URL of a database behind a socket. All is said, so nothing is taken from the environment (`PGPORT`, `PGSSLMODE`).
fn url(socket: &Path, database: &str) -> String {
    let socket = socket.display();
    format!("postgres:///{database}?host={socket}&port=5432&user={SUPERUSER}&sslmode=disable")
}

/// Runs what would hold up the other tasks of the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .expect("the work does not panic, and the runtime waits for it")
}
