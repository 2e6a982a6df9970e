//! Statements over the credentials of accounts. Those that precede a check of a password also read the counts of wrong
//! passwords, in one statement.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use database;
use serving::caller::Caller;
use sqlx::PgConnection;

use super::hashing::PasswordHash;
use crate::{
    accounts::{domain::AccountState, email::Email},
    sessions::{device::ShownToken, store::end::RevokeReason},
    sql::sql,
    throttle::domain::{FailureCount, device_key},
};

/// Reasons for which a session may have ended and its device still be a known one. All other reasons mean that somebody else
/// may have the tokens of the session.
const DEVICE_STAYS_KNOWN: [i16; 4] = [
    RevokeReason::SignedOut as i16,
    RevokeReason::PasswordChanged as i16,
    RevokeReason::Restored as i16,
    RevokeReason::Displaced as i16,
];

/// What a password is checked against.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) account_id: UserId,
    pub(crate) email: Email,
    pub(crate) password_hash: PasswordHash,
    pub(crate) epoch: i64,
    pub(crate) state: AccountState,
}

/// What a sign-in is checked against.
#[derive(Debug)]
pub(crate) struct SignInTarget {
    /// Of an active or disabled account; `None` when no account has the address.
    pub(crate) credentials: Option<Credentials>,
    /// What the failures of the device are counted under, if its session belongs to this account and did not end because
    /// somebody else had its tokens.
    pub(crate) device_key: Option<[u8; 32]>,
    pub(crate) account_failures: Option<FailureCount>,
    pub(crate) device_failures: Option<FailureCount>,
}

/// The credentials of an address, and the failures counted against it and the device. It is the same statement for an address
/// without an account.
#[expect(clippy::too_many_lines, reason = "the row has ten columns")]
pub(crate) async fn find_target(
    connection: &mut PgConnection,
    email: &Email,
    device: Option<ShownToken>,
    now: DateTime<Utc>,
) -> Result<SignInTarget, database::Error> {
    let current_key = device.map(|token| token.current_key());
    let older_key = device.map(|token| token.older_key());
    let found = sqlx::query!(
        r#"select a.id as "account_id?: UserId", a.email as "email?: Email",
                  a.password_hash as "password_hash?: PasswordHash", a.epoch as "epoch?", a.state as "state?: AccountState",
                  s.id is not null as "device_known!", coalesce(s.secret_hash = $7 or a.epoch = $8, false) as "token_current!",
                  t.failures as "failures?", t.expire_time as "expire_time?",
                  d.failures as "device_failures?", d.expire_time as "device_expire_time?"
           from (select $1::bytea as email_hash) asked
           left join lateral (
             select * from auth.account where email_hash = any($6) order by array_position($6, email_hash) limit 1
           ) a on true
           left join auth.session s on s.id = $2 and s.account_id = a.id
             and (s.revoke_reason = any($3) or s.revoke_reason is null and coalesce(s.epoch, 0) >= a.session_epoch)
           left join auth.throttle t on t.key = asked.email_hash and t.expire_time > $5
           left join auth.throttle d
             on d.key = case when s.secret_hash = $7 or a.epoch = $8 then $4::bytea else $9::bytea end and d.expire_time > $5"#,
        &email.key_hash(),
        device.map(|token| token.session_id.uuid()),
        &DEVICE_STAYS_KNOWN,
        current_key.as_ref().map(<[u8; 32]>::as_slice),
        now,
        &email.key_hashes(),
        device.as_ref().and_then(ShownToken::secret_hash).map(<[u8; 32]>::as_slice),
        device.as_ref().and_then(ShownToken::epoch),
        older_key.as_ref().map(<[u8; 32]>::as_slice),
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
    Ok(SignInTarget {
        account_failures: FailureCount::from_columns(found.failures, found.expire_time),
        device_failures: FailureCount::from_columns(
            found.device_failures,
            found.device_expire_time,
        ),
        device_key: if found.token_current {
            current_key
        } else {
            older_key
        }
        .filter(|_| found.device_known),
        credentials: credentials(),
    })
}

/// The credentials of a caller whose session is live, and the failures counted against its device.
pub(crate) async fn find_own(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<Option<(Credentials, Option<FailureCount>)>, database::Error> {
    let found = sql!(query,
        [r#"select a.id as "account_id: UserId", a.email as "email: Email",
               a.password_hash as "password_hash: PasswordHash", a.epoch, a.state as "state: AccountState",
               d.failures as "failures?", d.expire_time as "expire_time?"
          from auth.session s
          join auth.account a on a.id = s.account_id
          left join auth.throttle d on d.key = $6 and d.expire_time > $5
          where "# caller_is_live],
        caller(caller, now),
        &device_key(caller.session_id),
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|found| {
        let count = FailureCount::from_columns(found.failures, found.expire_time);
        let credentials = Credentials {
            account_id: found.account_id,
            email: found.email,
            password_hash: found.password_hash,
            epoch: found.epoch,
            state: found.state,
        };
        (credentials, count)
    }))
}

/// Replaces a hash by one of the same password with the current parameters, unless the password was changed meanwhile.
pub(crate) async fn rehash(
    connection: &mut PgConnection,
    read: &Credentials,
    password_hash: &PasswordHash,
) -> Result<(), database::Error> {
    sqlx::query!(
        "update auth.account set password_hash = $3 where id = $1 and password_hash = $2",
        read.account_id.uuid(),
        read.password_hash.as_str(),
        password_hash.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Sets a new password and raises the epoch; false when the account is no longer as it was read.
pub(crate) async fn change(
    connection: &mut PgConnection,
    read: &Credentials,
    password_hash: &PasswordHash,
    now: DateTime<Utc>,
) -> Result<bool, database::Error> {
    let changed = sqlx::query!(
        "update auth.account
         set password_hash = $4, epoch = epoch + 1, revision = revision + 1, update_time = $5
         where id = $1 and epoch = $2 and state = $3",
        read.account_id.uuid(),
        read.epoch,
        AccountState::Active as i16,
        password_hash.as_str(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(changed.rows_affected() == 1)
}
