//! Why the whole did not start or did not go on, and the exit code that says so.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use shared::{
    config::{EX_CONFIG, Problems},
    healthcheck::Unhealthy,
};

/// `EX_UNAVAILABLE` of sysexits.h: something the process needs is not on this machine.
const EX_UNAVAILABLE: u8 = 69;

/// Why the process ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Settings are wrong; every problem, one a line.
    #[error(transparent)]
    Settings(#[from] Problems),
    /// A port cannot be had.
    #[error("cannot listen on {address}: {source}; another address can be set by {variable}")]
    Port {
        /// What was asked for.
        address: SocketAddr,
        /// The variable that sets it.
        variable: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Another process works with this folder.
    #[error("{0} is in use by another running process")]
    InUse(PathBuf),
    /// A file of the folder cannot be used.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The secrets cannot be read, and are not replaced: the sessions of every account depend on them.
    #[error("{path} is damaged: {problem}. Restore it, or remove it, which ends every session")]
    Secrets {
        /// The file.
        path: PathBuf,
        /// What is wrong; never the text itself.
        problem: String,
    },
    /// The private PostgreSQL does not run.
    #[error(transparent)]
    Postgres(#[from] embedded_postgres::Error),
    /// The private PostgreSQL ended by itself.
    #[error("PostgreSQL ended ({0}); its log is in the data folder")]
    PostgresEnded(String),
    /// The schema of a service could not be brought to its version.
    #[error("migrating the {part}: {source}")]
    Migration {
        /// Whose.
        part: &'static str,
        /// Why.
        source: shared::database::migrate::Error,
    },
    /// A part failed, or ended without being told to.
    #[error("the {part} ended: {why}")]
    Part {
        /// Which.
        part: &'static str,
        /// Why.
        why: String,
    },
    /// A service did not become ready.
    #[error("the {part} was not ready within {waited:?}: {last}")]
    NotReady {
        /// Which.
        part: &'static str,
        /// How long it was given.
        waited: Duration,
        /// Its last answer.
        last: String,
    },
    /// The demo account could not be signed in to.
    #[error("signing in as {account}: {source}")]
    Demo {
        /// Its email.
        account: &'static str,
        /// What the auth service said.
        source: tonic::Status,
    },
    /// The running process is not known to be ready.
    #[error(transparent)]
    Unhealthy(#[from] Unhealthy),
    /// Logging could not be started.
    #[error("logging was started before")]
    Logging,
}

impl Error {
    /// What the process exits with: 78 for wrong settings, 69 without PostgreSQL, 1 otherwise.
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
