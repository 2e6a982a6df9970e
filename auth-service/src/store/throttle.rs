//! Statements over `auth.throttle`, and those that read it beside the credentials it guards.

use chrono::{DateTime, Utc};
use shared::{
    caller::Caller,
    database,
    ids::{SessionId, UserId},
};
use sqlx::PgConnection;

use super::{ACTIVE, account::Credentials, revocation::RevokeReason};
use crate::{
    domain::Email,
    password::PasswordHash,
    throttle::{Debtor, device_key},
};

/// Ends of a session that leave its device a known one. Not among them: those by which an account or the service says that
/// somebody else has its tokens.
const HARMLESS: [i16; 3] = [
    RevokeReason::SignedOut as i16,
    RevokeReason::PasswordChanged as i16,
    RevokeReason::Restored as i16,
];

/// Wrong passwords of a window that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) failures: i64,
    pub(crate) expire_time: DateTime<Utc>,
}

impl Tally {
    fn of(failures: Option<i64>, expire_time: Option<DateTime<Utc>>) -> Option<Self> {
        Some(Self {
            failures: failures?,
            expire_time: expire_time?,
        })
    }
}

/// What a sign-in is judged by.
#[derive(Debug)]
pub(crate) struct Target {
    /// Whatever the state of the account; `None` when the address has none.
    pub(crate) credentials: Option<Credentials>,
    /// Whether the session shown is one of this account, and was not ended because somebody else had its tokens.
    pub(crate) device_known: bool,
    pub(crate) of_account: Option<Tally>,
    pub(crate) of_device: Option<Tally>,
}

/// The credentials of an address and what limits guessing at them: one statement, the same for an address without account.
pub(crate) async fn find_target(
    connection: &mut PgConnection,
    email_hash: &[u8; 32],
    shown: Option<SessionId>,
    now: DateTime<Utc>,
) -> Result<Target, database::Error> {
    let device = shown.map(device_key);
    let found = sqlx::query!(
        r#"select a.id as "account_id?: UserId", a.email as "email?: Email",
                  a.password_hash as "password_hash?: PasswordHash", a.epoch as "epoch?", a.state as "state?",
                  s.id is not null as "device_known!",
                  t.failures as "failures?", t.expire_time as "expire_time?",
                  d.failures as "device_failures?", d.expire_time as "device_expire_time?"
           from (select $1::bytea as email_hash) asked
           left join auth.account a on a.email_hash = asked.email_hash
           left join auth.session s on s.id = $2 and s.account_id = a.id
             and (s.revoke_reason is null or s.revoke_reason = any($3))
           left join auth.throttle t on t.key = asked.email_hash and t.expire_time > $5
           left join auth.throttle d on d.key = $4 and d.expire_time > $5"#,
        email_hash,
        shown.map(SessionId::uuid),
        &HARMLESS,
        device.as_ref().map(<[u8; 32]>::as_slice),
        now,
    )
    .fetch_one(connection)
    .await?;
    let credentials = || {
        Some(Credentials {
            account_id: found.account_id?,
            email: found.email?,
            password_hash: found.password_hash?,
            epoch: found.epoch?,
            state: found.state?,
        })
    };
    Ok(Target {
        of_account: Tally::of(found.failures, found.expire_time),
        of_device: Tally::of(found.device_failures, found.device_expire_time),
        device_known: found.device_known,
        credentials: credentials(),
    })
}

/// The credentials of a caller whose session is live, and what its device owes.
pub(crate) async fn find_own(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<Option<(Credentials, Option<Tally>)>, database::Error> {
    let found = sqlx::query!(
        r#"select a.id as "account_id: UserId", a.email as "email: Email",
                  a.password_hash as "password_hash: PasswordHash", a.epoch, a.state,
                  d.failures as "failures?", d.expire_time as "expire_time?"
           from auth.session s
           join auth.account a on a.id = s.account_id
           left join auth.throttle d on d.key = $6 and d.expire_time > $5
           where s.id = $1 and s.account_id = $2 and a.epoch = $3 and a.state = $4
             and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5"#,
        caller.session_id.uuid(),
        caller.user_id.uuid(),
        caller.epoch,
        ACTIVE,
        now,
        &device_key(caller.session_id),
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|found| {
        let tally = Tally::of(found.failures, found.expire_time);
        let credentials = Credentials {
            account_id: found.account_id,
            email: found.email,
            password_hash: found.password_hash,
            epoch: found.epoch,
            state: found.state,
        };
        (credentials, tally)
    }))
}

/// Counts a wrong password. A window begins with the first failure after the last one ended.
pub(crate) async fn count_failure(
    connection: &mut PgConnection,
    debtor: &Debtor,
    now: DateTime<Utc>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "insert into auth.throttle as t (key, failures, expire_time)
         values ($1, 1, $3)
         on conflict on constraint throttle_pkey do update
         set failures = case when t.expire_time > $2 then t.failures + 1 else 1 end,
             expire_time = case when t.expire_time > $2 then t.expire_time else excluded.expire_time end",
        &debtor.key,
        now,
        debtor.expire_time(now),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes at most `batch` windows that are over; how many it were. Rows that another sweeper holds are passed over.
pub(crate) async fn sweep(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    batch: i64,
) -> Result<u64, database::Error> {
    let deleted = sqlx::query!(
        "delete from auth.throttle
         where key in (
           select key from auth.throttle
           where expire_time <= $1
           order by expire_time
           limit $2
           for update skip locked
         )",
        now,
        batch,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}
