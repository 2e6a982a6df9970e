//! The causes that end a token before it expires.

/// Why a token ends.
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

    /// Whether a token that ended for this cause may be refused with this reason. A killed key is both revoked and no longer
    /// published, and the refusal depends on which of these a replica learns first.
    pub(super) fn allows(self, reason: &str) -> bool {
        reason == "TOKEN_REVOKED" || self == Self::KeyKilled && reason == "TOKEN_INVALID"
    }
}
