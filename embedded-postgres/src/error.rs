//! Why a private server could not be started, used or stopped.

use std::{io, path::PathBuf, time::Duration};

/// Why a private PostgreSQL could not be started, used or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This machine has no usable `initdb` and `postgres`.
    #[error(
        "no PostgreSQL found in {searched}; to get it: `apt-get install postgresql` (Debian, Ubuntu), \
         `dnf install postgresql-server` (Fedora), `brew install postgresql` (macOS)"
    )]
    NotInstalled {
        /// The folders that were searched, separated by commas.
        searched: String,
    },
    /// The data belongs to a major version that is not installed. PostgreSQL reads only the data of its own major version.
    #[error("{data} belongs to PostgreSQL {wanted}, but only these versions were found: {found}")]
    OtherVersion {
        /// The data directory.
        data: PathBuf,
        /// The major version of the data.
        wanted: String,
        /// The major versions that were found.
        found: String,
    },
    /// PostgreSQL refuses to run as root, and the machine has no other account for it.
    #[error(
        "PostgreSQL cannot run as root, and /etc/passwd has neither a user `postgres` nor a user `nobody`"
    )]
    NoAccount,
    /// The account that runs PostgreSQL can reach neither the requested directory nor the replacement.
    #[error("the user {account} can reach neither {wanted} nor {replacement}")]
    Unreachable {
        /// The account that PostgreSQL would run as.
        account: String,
        /// The requested directory.
        wanted: PathBuf,
        /// The directory that would replace it.
        replacement: PathBuf,
    },
    /// Another living process owns the server of this directory.
    #[error("{0} is in use by another running process")]
    InUse(PathBuf),
    /// A server whose owner has died does not end.
    #[error("the orphaned PostgreSQL on {data} (pid {pid}) did not end within {waited:?}")]
    Orphan {
        /// The data directory.
        data: PathBuf,
        /// The process that does not end.
        pid: i32,
        /// How long the server was waited for.
        waited: Duration,
    },
    /// `initdb` failed.
    #[error("initdb failed: {0}")]
    Initdb(String),
    /// The server ended, or did not become ready in time.
    #[error("PostgreSQL did not start: {reason}; the last lines of its log:\n{log}")]
    NotReady {
        /// What was observed.
        reason: String,
        /// The last lines of the server's log.
        log: String,
    },
    /// A file or process operation failed.
    #[error("{doing}: {source}")]
    Io {
        /// The operation.
        doing: String,
        /// The cause.
        source: io::Error,
    },
    /// A statement failed.
    #[error("the private PostgreSQL refused a statement: {0}")]
    Statement(#[from] sqlx::Error),
}

/// Adds a description of the operation to an I/O error.
pub(crate) trait IoContext<T> {
    /// Turns the error into [`Error::Io`].
    fn context(self, doing: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            doing: doing(),
            source,
        })
    }
}
