//! The errors of a standalone process, and its exit codes.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use serving::healthcheck::Unhealthy;
use settings::{EX_CONFIG, Problems};

/// `EX_UNAVAILABLE` of sysexits.h: a program that the process needs is not installed.
const EX_UNAVAILABLE: u8 = 69;

/// Why the process ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings are invalid. Every problem, one per line.
    #[error(transparent)]
    Settings(#[from] Problems),
    /// A port cannot be bound.
    #[error("cannot listen on {address}: {source}; set {variable} to use another address")]
    Port {
        /// The address.
        address: SocketAddr,
        /// The environment variable that sets it.
        variable: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// Another process uses this folder.
    #[error("{0} is in use by another running process")]
    InUse(PathBuf),
    /// A file in the folder cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The secrets cannot be read. They are not replaced, because the sessions of every account depend on them.
    #[error(
        "{path} is damaged: {problem}. Restore it, or remove it to start with new secrets, which ends every session"
    )]
    Secrets {
        /// The file.
        path: PathBuf,
        /// What is wrong. Never contains the text of the file.
        problem: String,
    },
    /// The private PostgreSQL cannot be started or stopped.
    #[error(transparent)]
    Postgres(#[from] embedded_postgres::Error),
    /// The private PostgreSQL ended unexpectedly.
    #[error("PostgreSQL ended ({0}); its log is in the data folder")]
    PostgresEnded(String),
    /// The schema of a service cannot be migrated.
    #[error("cannot migrate the schema of the {part}: {source}")]
    Migration {
        /// The service.
        part: &'static str,
        /// The cause.
        source: database::migrate::Error,
    },
    /// A part failed, or ended before it was stopped.
    #[error("the {part} ended: {why}")]
    Part {
        /// The part.
        part: &'static str,
        /// The cause.
        why: String,
    },
    /// A service did not become ready.
    #[error("the {part} was not ready within {waited:?}: {last}")]
    NotReady {
        /// The part.
        part: &'static str,
        /// How long the process waited.
        waited: Duration,
        /// Its last answer.
        last: String,
    },
    /// Signing in to the demo account failed.
    #[error("cannot sign in as {account}: {source}")]
    Demo {
        /// Its email.
        account: &'static str,
        /// The answer of the auth service.
        source: tonic::Status,
    },
    /// The running process is not ready, or does not answer.
    #[error(transparent)]
    Unhealthy(#[from] Unhealthy),
    /// Logging cannot be started.
    #[error("logging is already started")]
    Logging,
}

impl Error {
    /// The exit code of the process: 78 for invalid settings, 69 if PostgreSQL is not installed, otherwise 1.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) => EX_CONFIG,
            Self::Postgres(embedded_postgres::Error::NotInstalled { .. }) => EX_UNAVAILABLE,
            Self::Port { .. }
            | Self::InUse(_)
            | Self::File { .. }
            | Self::Secrets { .. }
            | Self::Postgres(_)
            | Self::PostgresEnded(_)
            | Self::Migration { .. }
            | Self::Part { .. }
            | Self::NotReady { .. }
            | Self::Demo { .. }
            | Self::Unhealthy(_)
            | Self::Logging => 1,
        }
    }
}
