//! The record of what happened to accounts.

use chrono::{DateTime, Utc};
use shared::{
    caller::Call,
    database,
    ids::{SessionId, UserId, uuid_at},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An account was made.
    SignUp,
    /// A session began.
    SignIn,
    /// Someone gave a wrong password for an account that exists, or a right one for a disabled account.
    SignInFailed,
    /// Someone with a token of the account gave a wrong current password for what needs it.
    ConfirmationFailed,
    /// A refresh token was presented by a second party.
    RefreshReused,
    /// A refresh token was newer than the database, which must have been restored from a backup.
    RefreshRestored,
    /// A session was ended with its own refresh token.
    SignOut,
    /// A session was ended by its account, from another or itself.
    SessionRevoked,
    /// All sessions but the event's were ended by their account.
    OtherSessionsRevoked,
    /// The password was changed, which ended all sessions but the event's.
    PasswordChanged,
    /// The account was deleted.
    AccountDeleted,
    /// An API key, the event's session, was made.
    ApiKeyCreated,
    /// An API key, the event's session, was ended by its account.
    ApiKeyRevoked,
    /// A signing key was made, to take over from the one that signs.
    SigningKeyRotated,
    /// A signing key was ended at once, and every token it had signed.
    SigningKeyKilled,
    /// An administrator's account was made from the command line.
    AdminCreated,
    /// The account was closed, which ended its sessions and API keys.
    AccountDisabled,
    /// The account was opened again.
    AccountEnabled,
    /// All sessions of the account were ended by an administrator.
    AccountSessionsRevoked,
    /// The database was restored from a backup, and everything issued before was ended.
    DatabaseRestored,
}

impl Kind {
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

/// Where a call comes from, as sessions and audit events keep it.
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

/// An event, but for whom it happened to: the statement that makes the change knows.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    pub(crate) id: Uuid,
    pub(crate) time: DateTime<Utc>,
    pub(crate) kind: Kind,
    pub(crate) origin: Origin,
}

impl Act {
    /// Something that a call does now.
    pub(crate) fn of(call: &Call, kind: Kind, now: DateTime<Utc>) -> Self {
        Self {
            id: uuid_at(now),
            time: now,
            kind,
            origin: Origin::from(call),
        }
    }

    /// Something that happens now without a call.
    pub(crate) fn without_call(kind: Kind, now: DateTime<Utc>) -> Self {
        Self {
            id: uuid_at(now),
            time: now,
            kind,
            origin: Origin {
                ip: None,
                user_agent: String::new(),
            },
        }
    }
}

/// An event as it was recorded.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: Uuid,
    pub(crate) time: DateTime<Utc>,
    pub(crate) kind: String,
    pub(crate) account_id: Option<UserId>,
    pub(crate) actor: Option<String>,
    /// A session or an API key.
    pub(crate) session_id: Option<Uuid>,
    pub(crate) ip: Option<String>,
    pub(crate) user_agent: String,
}

/// Records an act whose change other statements of the same transaction make, or that changes nothing.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    act: &Act,
    account_id: UserId,
    session_id: Option<SessionId>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "insert into auth.audit_event (id, time, kind, account_id, session_id, ip, user_agent)
         values ($1, $2, $3, $4, $5, $6, $7)",
        act.id,
        act.time,
        act.kind.as_str(),
        account_id.uuid(),
        session_id.map(SessionId::uuid),
        act.origin.ip,
        act.origin.user_agent,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Records an act that concerns no account, and who did it: an administrator's account id, `cli`, or nobody.
pub(crate) async fn insert_general(
    connection: &mut PgConnection,
    act: &Act,
    actor: Option<&str>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "insert into auth.audit_event (id, time, kind, actor, ip, user_agent) values ($1, $2, $3, $4, $5, $6)",
        act.id,
        act.time,
        act.kind.as_str(),
        actor,
        act.origin.ip,
        act.origin.user_agent,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Records what was done to an account by somebody else: the id of an administrator's account, or `cli`.
pub(crate) async fn insert_by(
    connection: &mut PgConnection,
    act: &Act,
    account_id: UserId,
    actor: &str,
) -> Result<(), database::Error> {
    sqlx::query!(
        "insert into auth.audit_event (id, time, kind, account_id, actor, ip, user_agent)
         values ($1, $2, $3, $4, $5, $6, $7)",
        act.id,
        act.time,
        act.kind.as_str(),
        account_id.uuid(),
        actor,
        act.origin.ip,
        act.origin.user_agent,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// At most `limit` events older than the one with the id `before`, the newest first.
pub(crate) async fn list(
    connection: &mut PgConnection,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Event>, database::Error> {
    let listed = sqlx::query_as!(
        Event,
        r#"select id, time, kind, account_id as "account_id: UserId", actor, session_id, ip, user_agent
           from auth.audit_event
           where id < $1
           order by id desc
           limit $2"#,
        before,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(listed)
}

/// At most `limit` events of one account older than the one with the id `before`, the newest first.
pub(crate) async fn list_of(
    connection: &mut PgConnection,
    account_id: UserId,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Event>, database::Error> {
    let listed = sqlx::query_as!(
        Event,
        r#"select id, time, kind, account_id as "account_id: UserId", actor, session_id, ip, user_agent
           from auth.audit_event
           where account_id = $1 and id < $2
           order by id desc
           limit $3"#,
        account_id.uuid(),
        before,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(listed)
}
