//! The reasons for which a call is refused, and what the refusal says.

use std::{collections::HashMap, time::Duration};

use api::ids::{TaskId, UserId};
use contract::refusal::{Problem, Reason, Refusal, Violation, refuse};
use database::{self, UnitError};

use crate::quota::Full;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The request has invalid fields.
    #[error("the request has invalid fields")]
    Invalid(Vec<Violation>),
    /// The request id was used before with another request.
    #[error("the request id was used before with another request")]
    RequestIdReused([Violation; 1]),
    /// The task does not exist, is purged, or belongs to another user. The refusal does not say which.
    #[error("there is no task {0}")]
    NotFound(TaskId),
    /// The task to undelete is not deleted.
    #[error("task {0} is not deleted")]
    NotDeleted(TaskId),
    /// The task to change is deleted.
    #[error("task {0} is deleted; undelete it first")]
    Deleted(TaskId),
    /// The task changed after the caller read it.
    #[error("task {0} has changed since its etag was read")]
    EtagMismatch(TaskId),
    /// The owner has the largest number of tasks.
    #[error(transparent)]
    QuotaExceeded(#[from] Full),
    /// The largest number of requests of the owner is remembered.
    #[error(
        "{limit} requests of the account are remembered, which is the maximum; each is forgotten 24 h after it was made. Without a \
         request_id a request is not remembered"
    )]
    TooManyRequests {
        /// The largest number of remembered requests.
        limit: i32,
        /// When the first of them is forgotten.
        retry_after: Duration,
    },
    /// In several attempts, another change came between the statement that found nothing to change and the read that finds out
    /// why.
    #[error("the task was changed at the same time; try again")]
    Conflict,
    /// A row of another owner was read. It raises an alarm and is never returned.
    #[error("a row of another owner was read for {owner}")]
    ForeignRow {
        /// The owner whose row was expected.
        owner: UserId,
    },
    /// A remembered answer cannot be decoded.
    #[error("a remembered answer of {owner} is damaged")]
    DamagedAnswer {
        /// The owner of the answer.
        owner: UserId,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] database::Error),
}

impl Error {
    /// The refusal of a request id that was used before with another request.
    pub(crate) fn request_id_reused() -> Self {
        let description = "was used before with another request; use a new id for each request";
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
            Self::QuotaExceeded(_) => Reason::TaskQuotaExceeded,
            Self::TooManyRequests { .. } => Reason::RateLimited,
            Self::Conflict => Reason::Conflict,
            Self::ForeignRow { .. } | Self::DamagedAnswer { .. } => Reason::Internal,
            Self::Database(error) => error.reason(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => violations,
            Self::RequestIdReused(violation) => violation,
            Self::Database(error) => error.violations(),
            Self::NotFound(_)
            | Self::NotDeleted(_)
            | Self::Deleted(_)
            | Self::EtagMismatch(_)
            | Self::QuotaExceeded(_)
            | Self::TooManyRequests { .. }
            | Self::Conflict
            | Self::ForeignRow { .. }
            | Self::DamagedAnswer { .. } => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after, .. } => Some(*retry_after),
            Self::Invalid(_)
            | Self::RequestIdReused(_)
            | Self::NotFound(_)
            | Self::NotDeleted(_)
            | Self::Deleted(_)
            | Self::EtagMismatch(_)
            | Self::QuotaExceeded(_)
            | Self::Conflict
            | Self::ForeignRow { .. }
            | Self::DamagedAnswer { .. }
            | Self::Database(_) => None,
        }
    }

    fn metadata(&self) -> HashMap<String, String> {
        match self {
            Self::QuotaExceeded(full) => HashMap::from([
                ("limit".to_owned(), full.limit().to_string()),
                ("counted".to_owned(), full.counted().to_owned()),
            ]),
            Self::TooManyRequests { limit, .. } => HashMap::from([
                ("limit".to_owned(), limit.to_string()),
                ("counted".to_owned(), "requests".to_owned()),
            ]),
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
            | Self::QuotaExceeded(_)
            | Self::TooManyRequests { .. }
            | Self::Conflict
            | Self::ForeignRow { .. }
            | Self::DamagedAnswer { .. } => None,
        }
    }
}
