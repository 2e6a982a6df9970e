//! Why a unit of work failed.

use contract::{
    reason::Reason,
    refusal::{Problem, Violation},
};
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// SQLSTATEs after which a connection cannot be used: shutdown, crash and start-up of the server, a server that has become
/// a read-only replica, and sessions ended by a timeout.
const CONNECTION_LOST: [&str; 7] = [
    "57P01", "57P02", "57P03", "57P05", "25006", "25P03", "25P04",
];

/// Prefixes of SQLSTATEs: connection exceptions; exhausted resources such as a full disk; errors of the operating system. They
/// are not caused by the statement, and they are temporary.
const TEMPORARY_CLASSES: [&str; 3] = ["08", "53", "58"];

/// The class of SQLSTATEs of values that PostgreSQL cannot take, such as text with NUL or a number out of range.
const DATA_EXCEPTION: &str = "22";

/// Why a unit of work gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The queue is full, or the unit waited longer than `longest_wait`. It never began.
    #[error("too much work is waiting for the database")]
    Overloaded,
    /// The principal has as many units waiting as its share of the queue allows. The unit never began.
    #[error("too many calls of the same client wait for the database")]
    ShareFull,
    /// The deadline passed. The unit never began, or it began and its outcome is unknown.
    #[error("the deadline passed before the database answered")]
    DeadlineExceeded,
    /// There is no connection. Without a cause the unit never began; with one its outcome is unknown.
    #[error("the database cannot be reached")]
    Unavailable(#[source] Option<sqlx::Error>),
    /// A concurrent transaction won (SQLSTATE 40001, 40P01) at every attempt. Nothing was written.
    #[error("a concurrent transaction won")]
    Conflict(#[source] sqlx::Error),
    /// The unit panicked: a defect. Its transaction is rolled back.
    #[error("the unit of work panicked")]
    Panicked,
    /// A value of the request cannot be stored or compared (SQLSTATE class 22). The types of values should have refused it before.
    #[error("a value of the request is not accepted by the database")]
    Value {
        /// What the client is answered: the database does not say which field it was.
        violation: [Violation; 1],
        /// The refusal of the database.
        source: sqlx::Error,
    },
    /// The statement is wrong, or broke a constraint that is not mapped to an error of the domain: a defect.
    #[error("the database refused a statement")]
    Query(#[source] sqlx::Error),
}

impl Error {
    /// The name of the constraint (or unique index) a statement broke, to be mapped to an error of the domain.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Query(error) => error.as_database_error()?.constraint(),
            Self::Overloaded
            | Self::ShareFull
            | Self::DeadlineExceeded
            | Self::Unavailable(_)
            | Self::Conflict(_)
            | Self::Value { .. }
            | Self::Panicked => None,
        }
    }

    /// The reason for the client.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Overloaded => Reason::Overloaded,
            // Another replica or a moment later would not help a client that does this everywhere: it must slow down.
            Self::ShareFull => Reason::RateLimited,
            Self::DeadlineExceeded => Reason::DeadlineExceeded,
            Self::Unavailable(_) => Reason::DatabaseUnavailable,
            Self::Conflict(_) => Reason::Conflict,
            Self::Value { .. } => Reason::FieldInvalid,
            Self::Panicked | Self::Query(_) => Reason::Internal,
        }
    }

    /// The violation to answer with [`Reason::FieldInvalid`]; empty for the other reasons.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Value { violation, .. } => violation,
            Self::Overloaded
            | Self::ShareFull
            | Self::DeadlineExceeded
            | Self::Unavailable(_)
            | Self::Conflict(_)
            | Self::Panicked
            | Self::Query(_) => &[],
        }
    }

    fn refused_value(source: sqlx::Error) -> Self {
        let description = "has a value that cannot be stored or compared";
        Self::Value {
            violation: [Violation {
                field: String::new(),
                problem: Problem::new("VALUE_INVALID", description),
            }],
            source,
        }
    }

    /// One word, for telemetry.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::ShareFull => "share_full",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Unavailable(_) => "unavailable",
            Self::Conflict(_) => "conflict",
            Self::Value { .. } => "value",
            Self::Panicked => "panicked",
            Self::Query(_) => "query",
        }
    }

    /// The SQLSTATE, if the error came from `PostgreSQL`.
    pub(super) fn sqlstate(&self) -> Option<String> {
        let (Self::Unavailable(Some(error))
        | Self::Conflict(error)
        | Self::Query(error)
        | Self::Value { source: error, .. }) = self
        else {
            return None;
        };
        Some(error.as_database_error()?.code()?.into_owned())
    }

    /// Another error for a unit whose outcome is unknown too, because it ran together with the one that got `error`.
    pub(super) const fn of_same_outcome(error: Option<&Self>) -> Self {
        match error {
            Some(Self::DeadlineExceeded) => Self::DeadlineExceeded,
            Some(Self::Panicked) => Self::Panicked,
            Some(
                Self::Overloaded
                | Self::ShareFull
                | Self::Unavailable(_)
                | Self::Conflict(_)
                | Self::Value { .. }
                | Self::Query(_),
            )
            | None => Self::Unavailable(Some(sqlx::Error::WorkerCrashed)),
        }
    }

    /// Whether the connection this came from must not be used again.
    pub(super) fn breaks_connection(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(Some(error)),
            sqlx::Error::Database(refusal) => {
                let code = refusal.code().unwrap_or_default();
                match &*code {
                    "57014" => Self::DeadlineExceeded,
                    "40001" | "40P01" => Self::Conflict(error),
                    code if code.starts_with(DATA_EXCEPTION) => {
                        // Not the message of the database: it may contain the value.
                        tracing::warn!(sqlstate = code, "the database refused a value");
                        Self::refused_value(error)
                    }
                    code if TEMPORARY_CLASSES
                        .iter()
                        .any(|class| code.starts_with(class))
                        || CONNECTION_LOST.contains(&code)
                        || ends_session(&**refusal) =>
                    {
                        Self::Unavailable(Some(error))
                    }
                    _ => Self::Query(error),
                }
            }
            // sqlx's enum is non-exhaustive; its other errors are about the statement.
            _ => Self::Query(error),
        }
    }
}

/// PostgreSQL closes the connection after FATAL and PANIC, whatever the SQLSTATE.
fn ends_session(refusal: &(dyn sqlx::error::DatabaseError + 'static)) -> bool {
    refusal
        .try_downcast_ref::<PgDatabaseError>()
        .is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}

/// The error type of a unit of work.
///
/// Through it a lane finds in a service's own error whether the connection broke, and whether to try a transaction again.
pub trait UnitError: From<Error> + Send + 'static {
    /// The database error in this error, if there is one.
    fn database(&self) -> Option<&Error>;
}

impl UnitError for Error {
    fn database(&self) -> Option<&Error> {
        Some(self)
    }
}
