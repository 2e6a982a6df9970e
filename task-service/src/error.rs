//! Everything a call can be refused for, and what its caller gets to know of it.

use std::collections::HashMap;

use shared::{
    database::{self, UnitError},
    ids::{TaskId, UserId},
    refusal::{Problem, Reason, Refusal, Violation, refuse},
};

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields of the request are out of bounds.
    #[error("the request has fields that are out of bounds")]
    Invalid(Vec<Violation>),
    /// The request id was used with another request.
    #[error("the request id was used before with another request")]
    RequestIdReused([Violation; 1]),
    /// Absent, purged, or somebody else's: there is no telling which.
    #[error("there is no task {0}")]
    NotFound(TaskId),
    /// An undelete of a task that is not deleted.
    #[error("task {0} is not deleted")]
    NotDeleted(TaskId),
    /// A change of a deleted task.
    #[error("task {0} is deleted; undelete it first")]
    Deleted(TaskId),
    /// The task is not as the caller read it.
    #[error("task {0} has changed since its etag was read")]
    EtagMismatch(TaskId),
    /// As many live tasks as the owner may have.
    #[error("the account holds {limit} tasks, which is as many as it may")]
    QuotaExceeded {
        /// The quota.
        limit: i32,
    },
    /// The task changed between a statement that passed it over and the look at why.
    #[error("the task kept changing; start again")]
    Conflict,
    /// A row of another owner reached the code: an alarm, never an answer.
    #[error("a row of another owner was read for {owner}")]
    ForeignRow {
        /// Who was to be answered.
        owner: UserId,
    },
    /// A remembered answer cannot be read.
    #[error("a remembered answer of {owner} is damaged")]
    DamagedAnswer {
        /// Whose it is.
        owner: UserId,
    },
    /// The database did not do it.
    #[error(transparent)]
    Database(#[from] database::Error),
}

impl Error {
    /// The refusal of a request id that belongs to another request.
    #[must_use]
    pub fn request_id_reused() -> Self {
        let description = "was used before with another request; make a new one for each request";
        Self::RequestIdReused([Violation {
            field: "request_id".to_owned(),
            problem: Problem::new("REQUEST_ID_REUSED", description),
        }])
    }
}

impl Refusal for Error {
    fn reason(&self) -> Reason {
        match self {
            Self::Invalid(_) => Reason::FieldInvalid,
            Self::RequestIdReused(_) => Reason::RequestIdReused,
            Self::NotFound(_) => Reason::TaskNotFound,
            Self::NotDeleted(_) => Reason::TaskNotDeleted,
            Self::Deleted(_) => Reason::TaskDeleted,
            Self::EtagMismatch(_) => Reason::EtagMismatch,
            Self::QuotaExceeded { .. } => Reason::TaskQuotaExceeded,
            Self::Conflict | Self::Database(database::Error::Conflict(_)) => Reason::Conflict,
            Self::Database(database::Error::Overloaded) => Reason::Overloaded,
            Self::Database(database::Error::DeadlineExceeded) => Reason::DeadlineExceeded,
            Self::Database(database::Error::Unavailable(_)) => Reason::DatabaseUnavailable,
            Self::ForeignRow { .. }
            | Self::DamagedAnswer { .. }
            | Self::Database(database::Error::Panicked | database::Error::Query(_)) => {
                Reason::Internal
            }
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => violations,
            Self::RequestIdReused(violation) => violation,
            Self::NotFound(_)
            | Self::NotDeleted(_)
            | Self::Deleted(_)
            | Self::EtagMismatch(_)
            | Self::QuotaExceeded { .. }
            | Self::Conflict
            | Self::ForeignRow { .. }
            | Self::DamagedAnswer { .. }
            | Self::Database(_) => &[],
        }
    }

    fn metadata(&self) -> HashMap<String, String> {
        match self {
            Self::QuotaExceeded { limit } => {
                HashMap::from([("limit".to_owned(), limit.to_string())])
            }
            Self::Invalid(_)
            | Self::RequestIdReused(_)
            | Self::NotFound(_)
            | Self::NotDeleted(_)
            | Self::Deleted(_)
            | Self::EtagMismatch(_)
            | Self::Conflict
            | Self::ForeignRow { .. }
            | Self::DamagedAnswer { .. }
            | Self::Database(_) => HashMap::new(),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<Vec<Violation>> for Error {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        refuse(&error)
    }
}

impl UnitError for Error {
    fn database(&self) -> Option<&database::Error> {
        match self {
            Self::Database(error) => Some(error),
            Self::Invalid(_)
            | Self::RequestIdReused(_)
            | Self::NotFound(_)
            | Self::NotDeleted(_)
            | Self::Deleted(_)
            | Self::EtagMismatch(_)
            | Self::QuotaExceeded { .. }
            | Self::Conflict
            | Self::ForeignRow { .. }
            | Self::DamagedAnswer { .. } => None,
        }
    }
}
