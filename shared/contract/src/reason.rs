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
            /// All reasons.
            pub const ALL: &[Self] = &[ $( Self::$name, )+ ];

            /// The value of `ErrorInfo.reason`: `UPPER_SNAKE_CASE`, at most 63 characters (AIP-193).
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $text, )+ }
            }

            /// The status code of the reason.
            #[must_use]
            pub const fn code(self) -> Code {
                match self { $( Self::$name => Code::$code, )+ }
            }

            /// A short description for people.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $( Self::$name => $description, )+ }.trim_ascii()
            }
        }
    };
}

reasons! {
    /// The call has no access token.
    TokenMissing = "TOKEN_MISSING", Unauthenticated;
    /// The access token is malformed, not signed by a known key, or not issued for this service.
    TokenInvalid = "TOKEN_INVALID", Unauthenticated;
    /// The access token has expired. Get a new access token and call again.
    TokenExpired = "TOKEN_EXPIRED", Unauthenticated;
    /// The access token is revoked, because its session, API key, account or signing key has ended.
    TokenRevoked = "TOKEN_REVOKED", Unauthenticated;
    /// The email address or the password is wrong.
    CredentialsInvalid = "CREDENTIALS_INVALID", Unauthenticated;
    /// The refresh token is malformed or unknown.
    RefreshTokenInvalid = "REFRESH_TOKEN_INVALID", Unauthenticated;
    /// The idle or the absolute deadline of the session has passed. Sign in again.
    RefreshTokenExpired = "REFRESH_TOKEN_EXPIRED", Unauthenticated;
    /// The session was ended. Sign in again.
    SessionRevoked = "SESSION_REVOKED", Unauthenticated;
    /// Another client has used this refresh token, so the session was ended. Sign in again.
    RefreshTokenReused = "REFRESH_TOKEN_REUSED", Unauthenticated;
    /// This is an old copy of the device's own refresh token; use the newest one. The session goes on.
    RefreshTokenStale = "REFRESH_TOKEN_STALE", Unauthenticated;
    /// The session of the page is not that of the browser's cookie: somebody has signed in in another tab. Read the account again.
    SessionChanged = "SESSION_CHANGED", Unauthenticated;
    /// The API key is unknown, revoked or expired.
    ApiKeyInvalid = "API_KEY_INVALID", Unauthenticated;
    /// The access token does not have the scope that this call needs.
    ScopeMissing = "SCOPE_MISSING", PermissionDenied;
    /// A call that uses the browser's cookie must come from a page of the gateway's own origin.
    OriginRefused = "ORIGIN_REFUSED", PermissionDenied;
    /// One or more fields of the request are invalid. `BadRequest` lists them.
    FieldInvalid = "FIELD_INVALID", InvalidArgument;
    /// The request id was used before with a different request.
    RequestIdReused = "REQUEST_ID_REUSED", InvalidArgument;
    /// The request is malformed. The server cannot read its metadata or its message.
    RequestMalformed = "REQUEST_MALFORMED", InvalidArgument;
    /// The request is larger than this method accepts.
    RequestTooLarge = "REQUEST_TOO_LARGE", InvalidArgument;
    /// The caller has no such task.
    TaskNotFound = "TASK_NOT_FOUND", NotFound;
    /// The caller has no such session.
    SessionNotFound = "SESSION_NOT_FOUND", NotFound;
    /// There is no such account.
    AccountNotFound = "ACCOUNT_NOT_FOUND", NotFound;
    /// The caller has no such API key.
    ApiKeyNotFound = "API_KEY_NOT_FOUND", NotFound;
    /// The health check has no service with this name.
    ServiceNotFound = "SERVICE_NOT_FOUND", NotFound;
    /// An account with this email address already exists.
    EmailTaken = "EMAIL_TAKEN", AlreadyExists;
    /// The task is not deleted, so it cannot be undeleted.
    TaskNotDeleted = "TASK_NOT_DELETED", AlreadyExists;
    /// The resource has changed since the etag was read. Read the resource again.
    EtagMismatch = "ETAG_MISMATCH", Aborted;
    /// Concurrent changes prevented this operation. Start the whole operation again.
    Conflict = "CONFLICT", Aborted;
    /// The task is deleted. Undelete it first.
    TaskDeleted = "TASK_DELETED", FailedPrecondition;
    /// The gateway sends cookies only over https, or to a browser on its own machine.
    CookiesNeedHttps = "COOKIES_NEED_HTTPS", FailedPrecondition;
    /// An administrator cannot disable their own account. The account of the last administrator cannot be disabled or deleted.
    LastAdmin = "LAST_ADMIN", FailedPrecondition;
    /// The account has the maximum number of tasks: of live ones, or of live and deleted ones together. The metadata says which.
    TaskQuotaExceeded = "TASK_QUOTA_EXCEEDED", ResourceExhausted;
    /// The account has the maximum number of API keys.
    ApiKeyQuotaExceeded = "API_KEY_QUOTA_EXCEEDED", ResourceExhausted;
    /// There were too many attempts, or too many calls at once, of this user or address. Wait for the time in `RetryInfo`.
    RateLimited = "RATE_LIMITED", ResourceExhausted;
    /// The client read the stream too slowly. Open the stream again.
    SlowConsumer = "SLOW_CONSUMER", ResourceExhausted;
    /// The service cannot reach its database.
    DatabaseUnavailable = "DATABASE_UNAVAILABLE", Unavailable;
    /// The service has too many calls in progress.
    Overloaded = "OVERLOADED", Unavailable;
    /// This server is shutting down. Call another server, or call this one later.
    Draining = "DRAINING", Unavailable;
    /// The service cannot accept access tokens, because its list of revocations is too old.
    RevocationFeedStale = "REVOCATION_FEED_STALE", Unavailable;
    /// The service has no current keys to sign or verify access tokens.
    VerificationKeysUnavailable = "VERIFICATION_KEYS_UNAVAILABLE", Unavailable;
    /// The gateway cannot reach the service.
    UpstreamUnavailable = "UPSTREAM_UNAVAILABLE", Unavailable;
    /// The deadline of the call has passed.
    DeadlineExceeded = "DEADLINE_EXCEEDED", DeadlineExceeded;
    /// There is no such method.
    MethodUnknown = "METHOD_UNKNOWN", Unimplemented;
    /// The message is compressed in a way that the server cannot read. `grpc-accept-encoding` lists the ways that it can.
    CompressionUnsupported = "COMPRESSION_UNSUPPORTED", Unimplemented;
    /// An internal error occurred. The request id identifies it in the logs.
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
