//! The error of the service, and what a caller learns of it.

use std::time::Duration;

use contract::refusal::{Problem, Reason, Refusal, Violation, refuse};
use database::{self, UnitError};
use tonic::Status;

use crate::passwords::hashing::error::HashError;

/// Why a call was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields of the request are invalid; never empty.
    #[error("fields of the request are out of bounds")]
    FieldInvalid(Vec<Violation>),
    /// Wrong password, unknown account or disabled account; the caller does not learn which.
    #[error("the email or the password is wrong")]
    CredentialsInvalid,
    /// Not a refresh token of this service, or of an unknown session.
    #[error("the refresh token is not valid")]
    RefreshTokenInvalid,
    /// A deadline of the refresh token's session has passed.
    #[error("the session has expired")]
    RefreshTokenExpired,
    /// The session of the refresh token was ended.
    #[error("the session was ended")]
    SessionRevoked,
    /// The refresh token was used by another party.
    #[error("the refresh token was used by another party")]
    RefreshTokenReused,
    /// An old copy of the refresh token, presented by the device that has refreshed it.
    #[error("the refresh token is an old copy of this device's own")]
    RefreshTokenStale,
    /// The access token verifies, but its session or account has ended.
    #[error("the session of the access token has ended")]
    TokenRevoked,
    /// The account has no such live session.
    #[error("no such session")]
    SessionNotFound,
    /// Not an API key of this service, one that has ended, or one of a disabled account; the caller does not learn which.
    #[error("the API key is not valid")]
    ApiKeyInvalid,
    /// The account has no such API key.
    #[error("no such API key")]
    ApiKeyNotFound,
    /// The account has the greatest number of API keys.
    #[error("the account has the greatest number of API keys; revoke one")]
    ApiKeyQuotaExceeded,
    /// The caller is not an administrator, or no longer one.
    #[error("the caller is not an administrator")]
    ScopeMissing,
    /// There is no such account.
    #[error("no such account")]
    AccountNotFound,
    /// The account to be disabled is the caller's own, or no administrator would be left.
    #[error(
        "administrators cannot disable their own account, and the last administrator cannot be removed"
    )]
    LastAdmin,
    /// Another account has this address.
    #[error("an account with this email exists")]
    EmailTaken,
    /// The account has changed since the etag was read.
    #[error("the account has changed since it was read")]
    EtagMismatch,
    /// No active signing key has been read from the database recently enough.
    #[error("the signing keys are not known")]
    SigningKeysUnknown,
    /// Concurrent changes made every attempt fail.
    #[error("concurrent changes made every attempt fail")]
    Conflict,
    /// There were too many wrong attempts.
    #[error("too many attempts; wait as long as RetryInfo says")]
    RateLimited {
        /// Time until another attempt is allowed.
        retry_after: Duration,
    },
    /// The password could not be hashed or verified.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database returned no result.
    #[error(transparent)]
    Database(#[from] database::Error),
}

impl Error {
    /// One field is invalid.
    pub(crate) fn field(field: &str, problem: Problem) -> Self {
        Self::FieldInvalid(vec![Violation {
            field: field.to_owned(),
            problem,
        }])
    }

    /// Whether a limit refused the call.
    pub(crate) fn is_rate_limited(&self) -> bool {
        self.reason() == Reason::RateLimited
    }
}

impl Refusal for Error {
    fn reason(&self) -> Reason {
        match self {
            Self::FieldInvalid(_) => Reason::FieldInvalid,
            Self::CredentialsInvalid => Reason::CredentialsInvalid,
            Self::RefreshTokenInvalid => Reason::RefreshTokenInvalid,
            Self::RefreshTokenExpired => Reason::RefreshTokenExpired,
            Self::SessionRevoked => Reason::SessionRevoked,
            Self::RefreshTokenReused => Reason::RefreshTokenReused,
            Self::RefreshTokenStale => Reason::RefreshTokenStale,
            Self::TokenRevoked => Reason::TokenRevoked,
            Self::SessionNotFound => Reason::SessionNotFound,
            Self::ApiKeyInvalid => Reason::ApiKeyInvalid,
            Self::ApiKeyNotFound => Reason::ApiKeyNotFound,
            Self::ApiKeyQuotaExceeded => Reason::ApiKeyQuotaExceeded,
            Self::ScopeMissing => Reason::ScopeMissing,
            Self::AccountNotFound => Reason::AccountNotFound,
            Self::LastAdmin => Reason::LastAdmin,
            Self::EmailTaken => Reason::EmailTaken,
            Self::EtagMismatch => Reason::EtagMismatch,
            Self::SigningKeysUnknown => Reason::VerificationKeysUnavailable,
            Self::Conflict => Reason::Conflict,
            Self::RateLimited { .. } => Reason::RateLimited,
            Self::Hash(error) => hash_reason(*error),
            Self::Database(error) => error.reason(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::FieldInvalid(violations) => violations,
            Self::Database(error) => error.violations(),
            _ => &[],
        }
    }
}

fn hash_reason(error: HashError) -> Reason {
    match error {
        HashError::QueueFull => Reason::RateLimited,
        HashError::DeadlineExceeded => Reason::DeadlineExceeded,
        HashError::Stopped => Reason::Draining,
        HashError::Malformed | HashError::PepperUnknown => Reason::Internal,
    }
}

impl UnitError for Error {
    fn database(&self) -> Option<&database::Error> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        refuse(&error)
    }
}
