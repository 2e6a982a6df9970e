//! Statements over `auth.account`.
//!
//! A statement that a caller asks for joins the caller's session: the access token may outlive both it and the account.

use chrono::{DateTime, Utc};
use shared::{caller::Caller, database, ids::UserId};
use sqlx::PgConnection;

use super::ACTIVE;
use crate::{
    domain::{DisplayName, Email},
    password::PasswordHash,
};

/// The epoch of a new account.
pub(crate) const FIRST_EPOCH: i64 = 1;

/// An account, as its owner may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: UserId,
    pub(crate) email: Email,
    pub(crate) display_name: DisplayName,
    /// The number of `AccountRole`.
    pub(crate) role: i16,
    /// The number of `AccountState`.
    pub(crate) state: i16,
    pub(crate) epoch: i64,
    pub(crate) revision: i64,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) update_time: DateTime<Utc>,
}

/// An account about to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewAccount {
    pub(crate) id: UserId,
    pub(crate) email: Email,
    pub(crate) password_hash: PasswordHash,
    pub(crate) display_name: DisplayName,
    /// The number of `AccountRole`.
    pub(crate) role: i16,
    pub(crate) now: DateTime<Utc>,
}

/// What a password is checked against.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) account_id: UserId,
    pub(crate) email: Email,
    pub(crate) password_hash: PasswordHash,
    pub(crate) epoch: i64,
    /// The number of `AccountState`.
    pub(crate) state: i16,
}

impl Credentials {
    /// Whether the account can be signed in to.
    pub(crate) const fn active(&self) -> bool {
        self.state == ACTIVE
    }
}

/// Makes an account; false when the address is taken.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    new: &NewAccount,
) -> Result<bool, database::Error> {
    let inserted = sqlx::query!(
        "insert into auth.account
           (id, email, email_hash, password_hash, display_name, role, state, epoch, revision, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9)
         on conflict on constraint account_email_hash_key do nothing",
        new.id.uuid(),
        new.email.as_str(),
        &new.email.key_hash(),
        new.password_hash.as_str(),
        new.display_name.as_str(),
        new.role,
        ACTIVE,
        FIRST_EPOCH,
        new.now,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The account of a caller whose session is live.
pub(crate) async fn find_own(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<Option<Account>, database::Error> {
    let found = sqlx::query_as!(
        Account,
        r#"select a.id as "id: UserId", a.email as "email: Email", a.display_name as "display_name: DisplayName", a.role, a.state, a.epoch, a.revision,
                  a.create_time, a.update_time
           from auth.session s
           join auth.account a on a.id = s.account_id
           where s.id = $1 and s.account_id = $2 and a.epoch = $3 and a.state = $4
             and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5"#,
        caller.session_id.uuid(),
        caller.user_id.uuid(),
        caller.epoch,
        ACTIVE,
        now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(found)
}

/// Changes the account of a caller whose session is live, if it has the revision expected of it.
pub(crate) async fn update_own(
    connection: &mut PgConnection,
    caller: &Caller,
    display_name: &DisplayName,
    revision: Option<i64>,
    now: DateTime<Utc>,
) -> Result<Option<Account>, database::Error> {
    let updated = sqlx::query_as!(
        Account,
        r#"update auth.account a
           set display_name = $6, revision = a.revision + 1, update_time = $5
           from auth.session s
           where s.id = $1 and s.account_id = $2 and a.id = s.account_id and a.epoch = $3 and a.state = $4
             and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5
             and ($7::bigint is null or a.revision = $7)
           returning a.id as "id: UserId", a.email as "email: Email", a.display_name as "display_name: DisplayName", a.role, a.state, a.epoch, a.revision,
                     a.create_time, a.update_time"#,
        caller.session_id.uuid(),
        caller.user_id.uuid(),
        caller.epoch,
        ACTIVE,
        now,
        display_name.as_str(),
        revision,
    )
    .fetch_optional(connection)
    .await?;
    Ok(updated)
}

/// Replaces a hash by one of the same password with the parameters of today, unless the password changed meanwhile.
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
pub(crate) async fn change_password(
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
        ACTIVE,
        password_hash.as_str(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Deletes an account with its sessions, and gives the role it had; `None` when it is no longer as it was read.
pub(crate) async fn delete(
    connection: &mut PgConnection,
    read: &Credentials,
) -> Result<Option<i16>, database::Error> {
    let role = sqlx::query_scalar!(
        "delete from auth.account where id = $1 and epoch = $2 and state = $3 returning role",
        read.account_id.uuid(),
        read.epoch,
        ACTIVE,
    )
    .fetch_optional(connection)
    .await?;
    Ok(role)
}
