//! Everything that ends tokens before their time.

/// What ends a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    SignedOut,
    SessionRevoked,
    OtherSessionsRevoked,
    PasswordChanged,
    RefreshTokenReused,
    AccountDisabled,
    SessionsRevokedByAdmin,
    AccountDeleted,
    ApiKeyRevoked,
    KeyKilled,
}

impl Cause {
    pub(super) const ALL: [Self; 10] = [
        Self::SignedOut,
        Self::SessionRevoked,
        Self::OtherSessionsRevoked,
        Self::PasswordChanged,
        Self::RefreshTokenReused,
        Self::AccountDisabled,
        Self::SessionsRevokedByAdmin,
        Self::AccountDeleted,
        Self::ApiKeyRevoked,
        Self::KeyKilled,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SignedOut => "signed out",
            Self::SessionRevoked => "session revoked",
            Self::OtherSessionsRevoked => "other sessions revoked",
            Self::PasswordChanged => "password changed",
            Self::RefreshTokenReused => "refresh token reused",
            Self::AccountDisabled => "account disabled",
            Self::SessionsRevokedByAdmin => "sessions revoked by an administrator",
            Self::AccountDeleted => "account deleted",
            Self::ApiKeyRevoked => "API key revoked",
            Self::KeyKilled => "signing key killed",
        }
    }

    /// Whether a token that ended so may be refused for this reason. A killed key is revoked and no longer published;
    /// whichever is heard first is told.
    pub(super) fn is_told_by(self, reason: &str) -> bool {
        reason == "TOKEN_REVOKED" || self == Self::KeyKilled && reason == "TOKEN_INVALID"
    }
}
