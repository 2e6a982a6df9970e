//! Why a schema does not fit a binary.

use sqlx::migrate::MigrateError;

use crate::UnitError;

/// Why a schema does not fit the binary, or could not be migrated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not answer, or refused.
    #[error(transparent)]
    Database(#[from] crate::Error),
    /// A migration failed; those before it are applied.
    #[error(transparent)]
    Migration(#[from] MigrateError),
    /// Schema names are lower-case ASCII letters, digits and underscores, because they are written into statements.
    #[error("{0:?} is not a schema name")]
    Name(String),
    /// Another migration held the lock for a minute.
    #[error("another migration of schema {0} is still running")]
    Busy(String),
    /// Migrations are missing.
    #[error("schema {schema} lacks migration {missing}: run this binary's `migrate` command")]
    Behind {
        /// The schema.
        schema: String,
        /// The first version it lacks.
        missing: i64,
    },
    /// A migration was changed after it was applied, or the schema has one that this binary should know and does not.
    #[error("schema {schema} was migrated with another migration {version}")]
    Diverged {
        /// The schema.
        schema: String,
        /// The version that differs.
        version: i64,
    },
    /// A newer release has removed something that this binary uses.
    #[error(
        "schema {schema} has migration {version}, which needs a binary that knows migration {needs}"
    )]
    Ahead {
        /// The schema.
        schema: String,
        /// The migration that removes something.
        version: i64,
        /// The oldest migration that a binary must know.
        needs: i64,
    },
}

impl Error {
    /// The exit code, after sysexits.h: 65 if the schema has migrations that this binary does not accept, 69 if the database cannot be
    /// reached, 75 if another migration is still running (try again), 70 otherwise.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Diverged { .. } | Self::Ahead { .. } => 65,
            Self::Database(crate::Error::Unavailable(_)) => 69,
            Self::Busy(_) => 75,
            Self::Database(_) | Self::Migration(_) | Self::Name(_) | Self::Behind { .. } => 70,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl UnitError for Error {
    fn database(&self) -> Option<&crate::Error> {
        match self {
            Self::Database(error) => Some(error),
            Self::Migration(_)
            | Self::Name(_)
            | Self::Busy(_)
            | Self::Behind { .. }
            | Self::Diverged { .. }
            | Self::Ahead { .. } => None,
        }
    }
}
