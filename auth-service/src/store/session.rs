//! Statements that begin, rotate and read sessions.

use chrono::{DateTime, Utc};
use shared::{
    database,
    ids::{SessionId, UserId},
};
use sqlx::PgConnection;

use crate::domain::{DeviceLabel, DisplayName, Email};

use super::{ACTIVE, account::Account, audit::Origin};

/// A session about to begin.
#[derive(Debug, Clone)]
pub(crate) struct NewSession {
    pub(crate) id: SessionId,
    pub(crate) secret_hash: [u8; 32],
    pub(crate) device_label: DeviceLabel,
    pub(crate) origin: Origin,
    pub(crate) now: DateTime<Utc>,
    pub(crate) idle_deadline: DateTime<Utc>,
    pub(crate) absolute_deadline: DateTime<Utc>,
}

/// What the tokens of a session are made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) session_id: SessionId,
    pub(crate) account_id: UserId,
    /// The account's: the number of `AccountRole`.
    pub(crate) role: i16,
    /// The account's.
    pub(crate) epoch: i64,
    pub(crate) generation: i64,
    pub(crate) rotate_time: DateTime<Utc>,
    pub(crate) idle_deadline: DateTime<Utc>,
    pub(crate) absolute_deadline: DateTime<Utc>,
}

/// What a refresh brings along.
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    pub(crate) session_id: SessionId,
    /// The generation presented.
    pub(crate) generation: i64,
    pub(crate) secret_hash: [u8; 32],
    pub(crate) attempt_tag: Option<[u8; 32]>,
    pub(crate) origin: Origin,
    pub(crate) now: DateTime<Utc>,
    /// What the idle deadline becomes, unless the absolute one comes before it.
    pub(crate) idle_deadline: DateTime<Utc>,
}

/// A session and its account's state, as the decision about a refused refresh needs them.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) account_id: UserId,
    pub(crate) account_state: i16,
    pub(crate) role: i16,
    pub(crate) epoch: i64,
    pub(crate) generation: i64,
    pub(crate) secret_hash: Vec<u8>,
    pub(crate) attempt_tag: Option<Vec<u8>>,
    pub(crate) declares_tag: bool,
    pub(crate) rotate_time: DateTime<Utc>,
    pub(crate) idle_deadline: DateTime<Utc>,
    pub(crate) absolute_deadline: DateTime<Utc>,
    pub(crate) revoke_time: Option<DateTime<Utc>>,
}

impl Stored {
    /// What the tokens of this session are made from.
    pub(crate) const fn standing(&self, session_id: SessionId) -> Standing {
        Standing {
            session_id,
            account_id: self.account_id,
            role: self.role,
            epoch: self.epoch,
            generation: self.generation,
            rotate_time: self.rotate_time,
            idle_deadline: self.idle_deadline,
            absolute_deadline: self.absolute_deadline,
        }
    }
}

/// Begins a session of an active account whose epoch is still the one read; gives the account.
///
/// The account is locked for share: a password change, a disabling or a deletion that is under way is waited for and then
/// wins, and one that begins later sees this session.
pub(crate) async fn open(
    connection: &mut PgConnection,
    account_id: UserId,
    epoch: i64,
    new: &NewSession,
) -> Result<Option<Account>, database::Error> {
    let holder = sqlx::query_as!(
        Account,
        r#"with holder as (
             select id, email, display_name, role, state, epoch, revision, create_time, update_time
             from auth.account
             where id = $1 and epoch = $2 and state = $3
             for share
           ), opened as (
             insert into auth.session
               (id, account_id, generation, secret_hash, declares_tag, device_label, user_agent, ip,
                create_time, rotate_time, idle_deadline, absolute_deadline)
             select $4, holder.id, 0, $5, false, $6, $7, $8, $9, $9, $10, $11
             from holder
           )
           select id as "id: UserId", email as "email: Email", display_name as "display_name: DisplayName", role, state,
                  epoch, revision, create_time, update_time
           from holder"#,
        account_id.uuid(),
        epoch,
        ACTIVE,
        new.id.uuid(),
        &new.secret_hash,
        new.device_label.as_str(),
        new.origin.user_agent,
        new.origin.ip,
        new.now,
        new.idle_deadline,
        new.absolute_deadline,
    )
    .fetch_optional(connection)
    .await?;
    Ok(holder)
}

/// Refreshes: the next generation, if everything presented is current. No indexed column changes, so the update is
/// heap-only; the row itself is the lock that puts concurrent refreshes in order.
pub(crate) async fn rotate(
    connection: &mut PgConnection,
    rotation: &Rotation,
) -> Result<Option<Standing>, database::Error> {
    let rotated = sqlx::query_as!(
        Standing,
        r#"update auth.session s
           set generation = s.generation + 1,
               attempt_tag = $4,
               declares_tag = s.declares_tag or $4::bytea is not null,
               user_agent = $5,
               ip = $6,
               rotate_time = $7,
               idle_deadline = least($8, s.absolute_deadline)
           from auth.account a
           where s.id = $1 and s.generation = $2 and s.secret_hash = $3
             and s.revoke_time is null and s.idle_deadline > $7 and s.absolute_deadline > $7
             and a.id = s.account_id and a.state = $9
           returning s.id as "session_id: SessionId", s.account_id as "account_id: UserId", a.role, a.epoch, s.generation,
                     s.rotate_time, s.idle_deadline, s.absolute_deadline"#,
        rotation.session_id.uuid(),
        rotation.generation,
        &rotation.secret_hash,
        rotation.attempt_tag.as_ref().map(<[u8; 32]>::as_slice),
        rotation.origin.user_agent,
        rotation.origin.ip,
        rotation.now,
        rotation.idle_deadline,
        ACTIVE,
    )
    .fetch_optional(connection)
    .await?;
    Ok(rotated)
}

/// The session as it is, whatever it is.
pub(crate) async fn find(
    connection: &mut PgConnection,
    id: SessionId,
) -> Result<Option<Stored>, database::Error> {
    let found = sqlx::query_as!(
        Stored,
        r#"select s.account_id as "account_id: UserId", a.state as account_state, a.role, a.epoch, s.generation, s.secret_hash,
                  s.attempt_tag, s.declares_tag, s.rotate_time, s.idle_deadline, s.absolute_deadline, s.revoke_time
           from auth.session s
           join auth.account a on a.id = s.account_id
           where s.id = $1"#,
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(found)
}

/// Gives a live session a new secret, so that no token issued before can refresh it.
pub(crate) async fn renew(
    connection: &mut PgConnection,
    id: SessionId,
    secret_hash: &[u8; 32],
    now: DateTime<Utc>,
    idle_deadline: DateTime<Utc>,
) -> Result<Option<Standing>, database::Error> {
    let renewed = sqlx::query_as!(
        Standing,
        r#"update auth.session s
           set generation = s.generation + 1, secret_hash = $2, attempt_tag = null, rotate_time = $3,
               idle_deadline = least($4, s.absolute_deadline)
           from auth.account a
           where s.id = $1 and s.revoke_time is null and s.idle_deadline > $3 and s.absolute_deadline > $3
             and a.id = s.account_id and a.state = $5
           returning s.id as "session_id: SessionId", s.account_id as "account_id: UserId", a.role, a.epoch, s.generation,
                     s.rotate_time, s.idle_deadline, s.absolute_deadline"#,
        id.uuid(),
        secret_hash,
        now,
        idle_deadline,
        ACTIVE,
    )
    .fetch_optional(connection)
    .await?;
    Ok(renewed)
}
