//! Statements about any account, not only the caller's. Each belongs in a transaction that began with [`authorize`], or in one
//! of the command line.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use serving::caller::Caller;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    accounts::{
        domain::{Account, AccountState, DisplayName, Role},
        email::Email,
    },
    sql::sql,
};

/// Whether a caller whose session is live is an administrator now; `None` when it is not live.
///
/// The caller's account is locked for share, so it does not change until the transaction is over.
pub(crate) async fn authorize(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<Option<bool>, database::Error> {
    let admin = sql!(query_scalar,
        [r#"select a.role = $6 as "admin!"
          from auth.session s
          join auth.account a on a.id = s.account_id
          where "# caller_is_live "
          for share of a"],
        caller(caller, now),
        Role::Admin as i16,
    )
    .fetch_optional(connection)
    .await?;
    Ok(admin)
}

/// At most `limit` accounts made before the one with the id `before`, the newest first.
pub(crate) async fn list_accounts(
    connection: &mut PgConnection,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Account>, database::Error> {
    let listed = sql!(query_as Account,
        ["select " account_columns " from auth.account a where a.id < $1 order by a.id desc limit $2"],
        before,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(listed)
}

/// The account with this id.
pub(crate) async fn find_account(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<Option<Account>, database::Error> {
    let found = sql!(query_as Account,
        ["select " account_columns " from auth.account a where a.id = $1"],
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(found)
}

/// The account with this address.
pub(crate) async fn find_account_by_email(
    connection: &mut PgConnection,
    email: &Email,
) -> Result<Option<Account>, database::Error> {
    let found = sql!(query_as Account,
        ["select " account_columns " from auth.account a
          where a.email_hash = any($1) order by array_position($1, a.email_hash) limit 1"],
        &email.key_hashes(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(found)
}

/// Disables an active account and raises its epoch.
pub(crate) async fn disable(
    connection: &mut PgConnection,
    id: UserId,
    now: DateTime<Utc>,
) -> Result<Option<Account>, database::Error> {
    let disabled = sql!(query_as Account,
        ["update auth.account a
          set state = $3, epoch = a.epoch + 1, revision = a.revision + 1, update_time = $4
          where a.id = $1 and a.state = $2
          returning " account_columns],
        id.uuid(),
        AccountState::Active as i16,
        AccountState::Disabled as i16,
        now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(disabled)
}

/// Enables a disabled account.
pub(crate) async fn enable(
    connection: &mut PgConnection,
    id: UserId,
    now: DateTime<Utc>,
) -> Result<Option<Account>, database::Error> {
    let enabled = sql!(query_as Account,
        ["update auth.account a
          set state = $3, revision = a.revision + 1, update_time = $4
          where a.id = $1 and a.state = $2
          returning " account_columns],
        id.uuid(),
        AccountState::Disabled as i16,
        AccountState::Active as i16,
        now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(enabled)
}
