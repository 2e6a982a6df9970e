//! What is recorded of accounts and keys, and where a call came from.

use api::ids::{UserId, uuid_at};
use chrono::{DateTime, Utc};
use serving::caller::Call;
use uuid::Uuid;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// An account was made.
    SignUp,
    /// A session began.
    SignIn,
    /// Someone gave a wrong password for an account that exists, or a right one for a disabled account.
    SignInFailed,
    /// Someone with a token of the account gave a wrong current password to an RPC that requires it.
    ConfirmationFailed,
    /// A refresh token was presented by a second party.
    RefreshReused,
    /// A refresh token was newer than the database, which must have been restored from a backup.
    RefreshRestored,
    /// A session was ended with its own refresh token.
    SignOut,
    /// A session was ended by its account, from that session or another one.
    SessionRevoked,
    /// A session was the oldest one of an account that had too many.
    SessionDisplaced,
    /// All sessions except the event's were ended by their account.
    OtherSessionsRevoked,
    /// The password was changed, which ended all sessions except the event's.
    PasswordChanged,
    /// The account was deleted.
    AccountDeleted,
    /// An API key, which is the event's session, was made.
    ApiKeyCreated,
    /// An API key, which is the event's session, was revoked by its account.
    ApiKeyRevoked,
    /// A signing key was made, to replace the one that signs.
    SigningKeyRotated,
    /// A signing key was ended at once, and every token it had signed.
    SigningKeyKilled,
    /// An administrator's account was made from the command line.
    AdminCreated,
    /// The account was disabled, which ended its sessions and API keys.
    AccountDisabled,
    /// The account was enabled again.
    AccountEnabled,
    /// All sessions of the account were ended by an administrator.
    AccountSessionsRevoked,
    /// The database was restored from a backup, and everything issued before was ended.
    DatabaseRestored,
}

impl EventKind {
    /// As the column `kind` has it; never renamed.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::SignIn => "sign_in",
            Self::SignInFailed => "sign_in_failed",
            Self::ConfirmationFailed => "confirmation_failed",
            Self::RefreshReused => "refresh_reused",
            Self::RefreshRestored => "refresh_restored",
            Self::SignOut => "sign_out",
            Self::SessionRevoked => "session_revoked",
            Self::SessionDisplaced => "session_displaced",
            Self::OtherSessionsRevoked => "other_sessions_revoked",
            Self::PasswordChanged => "password_changed",
            Self::AccountDeleted => "account_deleted",
            Self::ApiKeyCreated => "api_key_created",
            Self::ApiKeyRevoked => "api_key_revoked",
            Self::SigningKeyRotated => "signing_key_rotated",
            Self::SigningKeyKilled => "signing_key_killed",
            Self::AdminCreated => "admin_created",
            Self::AccountDisabled => "account_disabled",
            Self::AccountEnabled => "account_enabled",
            Self::AccountSessionsRevoked => "account_sessions_revoked",
            Self::DatabaseRestored => "database_restored",
        }
    }
}

/// Where a call came from, as sessions and audit events keep it.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// Network address, as text.
    pub(crate) ip: Option<String>,
    /// At most 256 bytes.
    pub(crate) user_agent: String,
}

impl From<&Call> for Origin {
    fn from(call: &Call) -> Self {
        Self {
            ip: call.peer.map(|ip| ip.to_string()),
            user_agent: call.user_agent.clone(),
        }
    }
}

/// An event that is about to be recorded. The account it is about is an argument of the statement that records it.
#[derive(Debug, Clone)]
pub(crate) struct AuditEvent {
    pub(crate) id: Uuid,
    pub(crate) time: DateTime<Utc>,
    pub(crate) kind: EventKind,
    pub(crate) origin: Origin,
}

impl AuditEvent {
    /// An event caused by a call.
    pub(crate) fn of(call: &Call, kind: EventKind, now: DateTime<Utc>) -> Self {
        Self::new(Origin::from(call), kind, now)
    }

    /// An event that no call caused.
    pub(crate) fn without_call(kind: EventKind, now: DateTime<Utc>) -> Self {
        let nowhere = Origin {
            ip: None,
            user_agent: String::new(),
        };
        Self::new(nowhere, kind, now)
    }

    fn new(origin: Origin, kind: EventKind, now: DateTime<Utc>) -> Self {
        Self {
            id: uuid_at(now),
            time: now,
            kind,
            origin,
        }
    }
}

/// An event as it was recorded.
#[derive(Debug, Clone)]
pub(crate) struct RecordedEvent {
    pub(crate) id: Uuid,
    pub(crate) time: DateTime<Utc>,
    pub(crate) kind: String,
    pub(crate) account_id: Option<UserId>,
    /// Who did it, if it was not the account: the id of an administrator's account, or `cli`.
    pub(crate) actor: Option<String>,
    /// A session or an API key.
    pub(crate) session_id: Option<Uuid>,
    pub(crate) ip: Option<String>,
    pub(crate) user_agent: String,
}
