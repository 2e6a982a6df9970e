//! The registry of reasons: every value of `google.rpc.ErrorInfo.reason`, and its status code.
//!
//! A reason is never renamed, because clients switch on it. `docs/errors.md` is generated from this file; a test fails when the page
//! is out of date.

use tonic::Code;

macro_rules! reasons {
    ($( #[doc = $description:literal] $name:ident = $text:literal, $code:ident; )+) => {
        /// Why a call was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $( #[doc = $description] $name, )+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[ $( Self::$name, )+ ];

            /// The value of `ErrorInfo.reason`: `UPPER_SNAKE_CASE`, at most 63 characters (AIP-193).
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $text, )+ }
            }

            /// Its status code.
            #[must_use]
            pub const fn code(self) -> Code {
                match self { $( Self::$name => Code::$code, )+ }
            }

            /// One sentence for a person.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $( Self::$name => $description, )+ }.trim_ascii()
            }
        }
    };
}

reasons! {
    /// The call carries no access token.
    TokenMissing = "TOKEN_MISSING", Unauthenticated;
    /// The access token is malformed, not signed by a known key, or not meant for this service.
    TokenInvalid = "TOKEN_INVALID", Unauthenticated;
    /// The access token has expired; refresh and call again.
    TokenExpired = "TOKEN_EXPIRED", Unauthenticated;
    /// The access token's session or account has ended.
    TokenRevoked = "TOKEN_REVOKED", Unauthenticated;
    /// The email or the password is wrong.
    CredentialsInvalid = "CREDENTIALS_INVALID", Unauthenticated;
    /// The refresh token is not one of this service's.
    RefreshTokenInvalid = "REFRESH_TOKEN_INVALID", Unauthenticated;
    /// The session has passed its idle or absolute deadline; sign in again.
    RefreshTokenExpired = "REFRESH_TOKEN_EXPIRED", Unauthenticated;
    /// The session has been ended; sign in again.
    SessionRevoked = "SESSION_REVOKED", Unauthenticated;
    /// Someone else has used this refresh token, so the session was ended; sign in again.
    RefreshTokenReused = "REFRESH_TOKEN_REUSED", Unauthenticated;
    /// This is an old copy of the device's own refresh token; use the newest one. The session goes on.
    RefreshTokenStale = "REFRESH_TOKEN_STALE", Unauthenticated;
    /// The API key is unknown, revoked or expired.
    ApiKeyInvalid = "API_KEY_INVALID", Unauthenticated;
    /// The access token lacks the scope that this call needs.
    ScopeMissing = "SCOPE_MISSING", PermissionDenied;
    /// Fields of the request are out of bounds; the violations say which.
    FieldInvalid = "FIELD_INVALID", InvalidArgument;
    /// This request id was used before with another request.
    RequestIdReused = "REQUEST_ID_REUSED", InvalidArgument;
    /// The request is not a message of this method.
    RequestMalformed = "REQUEST_MALFORMED", InvalidArgument;
    /// The request is larger than this method takes.
    RequestTooLarge = "REQUEST_TOO_LARGE", InvalidArgument;
    /// The caller has no such task.
    TaskNotFound = "TASK_NOT_FOUND", NotFound;
    /// The caller has no such session.
    SessionNotFound = "SESSION_NOT_FOUND", NotFound;
    /// There is no such account.
    AccountNotFound = "ACCOUNT_NOT_FOUND", NotFound;
    /// The caller has no such API key.
    ApiKeyNotFound = "API_KEY_NOT_FOUND", NotFound;
    /// No service of this name is known to the health check.
    ServiceNotFound = "SERVICE_NOT_FOUND", NotFound;
    /// An account with this email exists.
    EmailTaken = "EMAIL_TAKEN", AlreadyExists;
    /// The task is live, so there is nothing to undelete.
    TaskNotDeleted = "TASK_NOT_DELETED", AlreadyExists;
    /// The resource has changed since the etag was read; read it again.
    EtagMismatch = "ETAG_MISMATCH", Aborted;
    /// Concurrent changes kept colliding; start the whole operation again.
    Conflict = "CONFLICT", Aborted;
    /// The task is deleted; undelete it first.
    TaskDeleted = "TASK_DELETED", FailedPrecondition;
    /// An administrator cannot disable their own account, and the last one can be neither disabled nor deleted.
    LastAdmin = "LAST_ADMIN", FailedPrecondition;
    /// The account holds as many tasks as it may.
    TaskQuotaExceeded = "TASK_QUOTA_EXCEEDED", ResourceExhausted;
    /// The account holds as many API keys as it may.
    ApiKeyQuotaExceeded = "API_KEY_QUOTA_EXCEEDED", ResourceExhausted;
    /// Too many attempts; wait as long as `RetryInfo` says.
    RateLimited = "RATE_LIMITED", ResourceExhausted;
    /// The stream was read too slowly to be kept up; open it again.
    SlowConsumer = "SLOW_CONSUMER", ResourceExhausted;
    /// The database cannot be reached.
    DatabaseUnavailable = "DATABASE_UNAVAILABLE", Unavailable;
    /// The service has more to do than it can.
    Overloaded = "OVERLOADED", Unavailable;
    /// This server is shutting down; another one, or this one later, will answer.
    Draining = "DRAINING", Unavailable;
    /// What has been revoked is not known well enough to accept a token.
    RevocationFeedStale = "REVOCATION_FEED_STALE", Unavailable;
    /// The keys that verify access tokens have not been loaded yet.
    VerificationKeysUnavailable = "VERIFICATION_KEYS_UNAVAILABLE", Unavailable;
    /// The service behind the gateway cannot be reached.
    UpstreamUnavailable = "UPSTREAM_UNAVAILABLE", Unavailable;
    /// The call's deadline has passed.
    DeadlineExceeded = "DEADLINE_EXCEEDED", DeadlineExceeded;
    /// There is no such method.
    MethodUnknown = "METHOD_UNKNOWN", Unimplemented;
    /// A fault of this service; the request id finds it in the logs.
    Internal = "INTERNAL", Internal;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_unique_and_well_formed() {
        let mut seen = std::collections::BTreeSet::new();
        for reason in Reason::ALL {
            let text = reason.as_str();
            assert!(seen.insert(text), "{text} occurs twice");
            assert!(text.len() <= 63);
            assert!(text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
            assert!(!reason.description().is_empty());
        }
    }
}
