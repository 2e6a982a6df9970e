//! Why a private server could not be had.

use std::{io, path::PathBuf, time::Duration};

/// Why a private PostgreSQL could not be started, used or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable `initdb` and `postgres` on this machine.
    #[error(
        "no PostgreSQL found in {searched}; to get it: `apt-get install postgresql` (Debian, Ubuntu), \
         `dnf install postgresql-server` (Fedora), `brew install postgresql` (macOS)"
    )]
    NotInstalled {
        /// The folders looked into, separated by commas.
        searched: String,
    },
    /// The data was made by a major version that is not installed; Postgres reads only its own.
    #[error(
        "{data} was made by PostgreSQL {wanted}, of which no binaries were found (only {found})"
    )]
    OtherVersion {
        /// The data directory.
        data: PathBuf,
        /// The major version that made the data.
        wanted: String,
        /// The major versions that were found.
        found: String,
    },
    /// Postgres refuses to run as root, and the machine has no other account for it.
    #[error(
        "started as root, and /etc/passwd has neither a user postgres nor nobody to run PostgreSQL as"
    )]
    NoAccount,
    /// Neither the wanted place nor the one in its stead can be used by the account that runs Postgres.
    #[error("the user {account} can reach neither {wanted} nor {instead}")]
    Unreachable {
        /// The account Postgres would run as.
        account: String,
        /// The directory asked for.
        wanted: PathBuf,
        /// The directory tried in its stead.
        instead: PathBuf,
    },
    /// Another living process owns the server of this directory.
    #[error("{0} is in use by another running process")]
    InUse(PathBuf),
    /// A server left by a dead owner does not end.
    #[error("the PostgreSQL left running on {data} (pid {pid}) did not end within {waited:?}")]
    Survivor {
        /// The data directory.
        data: PathBuf,
        /// The process that does not end.
        pid: i32,
        /// How long it was given.
        waited: Duration,
    },
    /// `initdb` failed.
    #[error("initdb failed: {0}")]
    Initdb(String),
    /// The server ended, or did not become ready in time.
    #[error("PostgreSQL did not start: {reason}; its last lines:\n{log}")]
    NotReady {
        /// What was observed.
        reason: String,
        /// The last lines of the server's log.
        log: String,
    },
    /// A file or process operation failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A statement failed.
    #[error("the private PostgreSQL refused a statement: {0}")]
    Statement(#[from] sqlx::Error),
}

/// Says what was being done when an I/O operation failed.
pub(crate) trait Doing<T> {
    /// Turns the error into [`Error::Io`] with a description.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            doing: what(),
            source,
        })
    }
}
