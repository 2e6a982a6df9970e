//! Statements that begin, rotate and read sessions.

pub(crate) mod all;
pub(crate) mod end;
pub(crate) mod room;
pub(crate) mod sweep;

use api::ids::{SessionId, UserId};
use chrono::{DateTime, Utc};
use database;
use serving::caller::Caller;
use sqlx::PgConnection;

use self::all::MAX_READ;
use super::domain::{AttemptTag, NewSession, SessionState};
use crate::{
    accounts::{
        domain::{Account, AccountState, DisplayName, Role},
        email::Email,
    },
    audit::domain::Origin,
    sql::sql,
};

/// Most sessions in one list.
const MAX_LISTED: i64 = 1_000;

/// What a client presents to refresh a session.
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    pub(crate) session_id: SessionId,
    /// The generation presented.
    pub(crate) generation: i64,
    pub(crate) secret_hash: [u8; 32],
    pub(crate) attempt_tag: Option<[u8; 32]>,
    pub(crate) origin: Origin,
    pub(crate) now: DateTime<Utc>,
    /// The new idle deadline, unless the absolute one is earlier.
    pub(crate) idle_deadline: DateTime<Utc>,
}

/// A session with the state of its account, as it was read after a refresh changed no row.
#[derive(Debug, Clone)]
pub(crate) struct StoredSession {
    pub(crate) account_id: UserId,
    pub(crate) account_state: AccountState,
    pub(crate) role: Role,
    pub(crate) epoch: i64,
    pub(crate) generation: i64,
    pub(crate) secret_hash: Vec<u8>,
    pub(crate) attempt_tag: Option<Vec<u8>>,
    /// Whether its client has ever sent an attempt tag.
    pub(crate) declares_tag: bool,
    pub(crate) rotate_time: DateTime<Utc>,
    pub(crate) idle_deadline: DateTime<Utc>,
    pub(crate) absolute_deadline: DateTime<Utc>,
    pub(crate) revoke_time: Option<DateTime<Utc>>,
    /// Whether it ended together with all sessions of the account.
    pub(crate) epoch_over: bool,
}

impl StoredSession {
    /// What the tokens of this session are made from.
    pub(crate) const fn state(&self, session_id: SessionId) -> SessionState {
        SessionState {
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

/// A live session, as its account may see it.
#[derive(Debug, Clone)]
pub(crate) struct OpenSession {
    pub(crate) id: SessionId,
    pub(crate) device_label: String,
    pub(crate) user_agent: String,
    pub(crate) ip: Option<String>,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) rotate_time: DateTime<Utc>,
    pub(crate) idle_deadline: DateTime<Utc>,
}

/// Begins a session of an active account whose epoch is still the one that was read; returns the account.
///
/// The account is locked. It waits for a password change, a disabling or a deletion that is under way, which then refuses the
/// session; one that begins later sees the session. So do other sign-ins, which count the sessions.
pub(crate) async fn open(
    connection: &mut PgConnection,
    account_id: UserId,
    epoch: i64,
    new: &NewSession,
) -> Result<Option<Account>, database::Error> {
    let attempt_tag = new.device.attempt_tag.as_ref().map(AttemptTag::hash);
    let account = sql!(query_as Account,
        ["with a as (
            select a.* from auth.account a where a.id = $1 and a.epoch = $2 and a.state = $3 for no key update
          ), opened as (
            insert into auth.session
              (id, account_id, generation, secret_hash, declares_tag, device_label, user_agent, ip,
               create_time, rotate_time, idle_deadline, absolute_deadline, attempt_tag, epoch)
            select $4, a.id, 0, $5, $12::bytea is not null, $6, $7, $8, $9, $9, $10, $11, $12, a.epoch from a
          )
          select " account_columns " from a"],
        account_id.uuid(),
        epoch,
        AccountState::Active as i16,
        new.id.uuid(),
        &new.secret_hash,
        new.device.label.as_str(),
        new.origin.user_agent,
        new.origin.ip,
        new.now,
        new.idle_deadline,
        new.absolute_deadline,
        attempt_tag.as_ref().map(<[u8; 32]>::as_slice),
    )
    .fetch_optional(connection)
    .await?;
    Ok(account)
}

/// Refreshes a session: it gets the next generation if everything presented is current. No indexed column changes, so the
/// update is heap-only. The lock of the row puts concurrent refreshes in order.
pub(crate) async fn rotate(
    connection: &mut PgConnection,
    rotation: &Rotation,
) -> Result<Option<SessionState>, database::Error> {
    let rotated = sql!(query_as SessionState,
        ["update auth.session s
          set generation = s.generation + 1,
              attempt_tag = $4,
              declares_tag = s.declares_tag or $4::bytea is not null,
              user_agent = $5,
              ip = $6,
              rotate_time = $7,
              idle_deadline = least($8, s.absolute_deadline)
          from auth.account a
          where s.id = $1 and s.generation = $2 and s.secret_hash = $3 and " session_is_live("$7") "
            and a.id = s.account_id and a.state = $9
          returning " session_state_columns],
        rotation.session_id.uuid(),
        rotation.generation,
        &rotation.secret_hash,
        rotation.attempt_tag.as_ref().map(<[u8; 32]>::as_slice),
        rotation.origin.user_agent,
        rotation.origin.ip,
        rotation.now,
        rotation.idle_deadline,
        AccountState::Active as i16,
    )
    .fetch_optional(connection)
    .await?;
    Ok(rotated)
}

/// A session in whatever state it is.
pub(crate) async fn find(
    connection: &mut PgConnection,
    id: SessionId,
) -> Result<Option<StoredSession>, database::Error> {
    let found = sqlx::query_as!(
        StoredSession,
        r#"select s.account_id as "account_id: UserId", a.state as "account_state: AccountState", a.role as "role: Role",
                  a.epoch, s.generation, s.secret_hash, s.attempt_tag, s.declares_tag, s.rotate_time, s.idle_deadline,
                  s.absolute_deadline, s.revoke_time, coalesce(s.epoch, 0) < a.session_epoch as "epoch_over!"
           from auth.session s
           join auth.account a on a.id = s.account_id
           where s.id = $1"#,
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(found)
}

/// Gives a session a new secret and the account's epoch, so that no token issued before is valid. The caller knows that it was
/// live in this transaction.
pub(crate) async fn renew(
    connection: &mut PgConnection,
    id: SessionId,
    secret_hash: &[u8; 32],
    now: DateTime<Utc>,
    idle_deadline: DateTime<Utc>,
) -> Result<Option<SessionState>, database::Error> {
    let renewed = sql!(query_as SessionState,
        ["update auth.session s
          set generation = s.generation + 1, secret_hash = $2, attempt_tag = null, rotate_time = $3,
              idle_deadline = least($4, s.absolute_deadline), epoch = a.epoch, token_epoch = null
          from auth.account a
          where s.id = $1 and " session_is_live("$3") " and a.id = s.account_id and a.state = $5
          returning " session_state_columns],
        id.uuid(),
        secret_hash,
        now,
        idle_deadline,
        AccountState::Active as i16,
    )
    .fetch_optional(connection)
    .await?;
    Ok(renewed)
}

/// The live sessions of a caller, the newest first. The list is empty when the caller's own session is not live, because
/// otherwise it would contain that session.
pub(crate) async fn list(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<Vec<OpenSession>, database::Error> {
    let listed = sql!(query_as OpenSession,
        [r#"with own as (
            select s.account_id from auth.session s join auth.account a on a.id = s.account_id where "# caller_is_live r#"
          )
          select s.id as "id: SessionId", s.device_label, s.user_agent, s.ip, s.create_time, s.rotate_time, s.idle_deadline
          from own
          join auth.account a on a.id = own.account_id
          join auth.session s on s.account_id = own.account_id
          where (s.id = $1 or s.id in (
              select id from auth.session where account_id = $2 order by create_time desc limit $7
            )) and "# session_is_live("$5") "
          order by s.create_time desc, s.id desc
          limit $6"],
        caller(caller, now),
        MAX_LISTED,
        MAX_READ,
    )
    .fetch_all(connection)
    .await?;
    Ok(listed)
}
