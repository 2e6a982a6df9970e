//! Statements over `auth.api_key`. Those that an account asks for join the caller's session, like those of accounts.

use api::ids::{ApiKeyId, UserId};
use chrono::{DateTime, Utc};
use serving::caller::Caller;
use sqlx::PgConnection;

use super::domain::{KeyEnd, KeyScopes};
use crate::{
    accounts::domain::{AccountState, DisplayName},
    sessions::store::end::EndResult,
    sql::sql,
    sweep::Batch,
};

/// Most live keys of one account.
pub(crate) const MAX_LIVE: i64 = 50;
/// Ended keys of one account that are kept, so that operators can look them up.
const MAX_ENDED: i64 = 100;
/// Most keys that are deleted at once.
const MAX_DELETED: i64 = 500;

/// A key that is about to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewApiKey {
    pub(crate) id: ApiKeyId,
    pub(crate) secret_hash: [u8; 32],
    pub(crate) display_name: DisplayName,
    pub(crate) scopes: KeyScopes,
    pub(crate) now: DateTime<Utc>,
    pub(crate) end: KeyEnd,
}

/// A key, as its account may see it.
#[derive(Debug, Clone)]
pub(crate) struct ApiKey {
    pub(crate) id: ApiKeyId,
    pub(crate) display_name: DisplayName,
    pub(crate) scopes: KeyScopes,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) expire_time: DateTime<Utc>,
    pub(crate) last_use_time: Option<DateTime<Utc>>,
}

/// What the access token of a key is made from.
#[derive(Debug, Clone)]
pub(crate) struct KeyGrant {
    pub(crate) id: ApiKeyId,
    pub(crate) account_id: UserId,
    /// Of the account.
    pub(crate) epoch: i64,
    pub(crate) scopes: KeyScopes,
    pub(crate) expire_time: DateTime<Utc>,
}

impl From<&NewApiKey> for ApiKey {
    fn from(new: &NewApiKey) -> Self {
        Self {
            id: new.id,
            display_name: new.display_name.clone(),
            scopes: new.scopes.clone(),
            create_time: new.now,
            expire_time: new.end.time(),
            last_use_time: None,
        }
    }
}

/// Locks the account of a caller whose session is live, so that its keys are made one after the other; false when the session
/// is not live.
pub(crate) async fn lock_account(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<bool, database::Error> {
    let locked = sql!(query_scalar,
        [r#"select true as "live!"
          from auth.session s
          join auth.account a on a.id = s.account_id
          where "# caller_is_live "
          for no key update of a"],
        caller(caller, now),
    )
    .fetch_optional(connection)
    .await?;
    Ok(locked.is_some())
}

/// Makes a key of an account that [`lock_account`] has locked; false when it already has [`MAX_LIVE`]. Of its ended keys the newest
/// [`MAX_ENDED`] stay.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    caller: &Caller,
    new: &NewApiKey,
) -> Result<bool, database::Error> {
    let inserted = sql!(query,
        ["with deleted as (
            delete from auth.api_key where id in (
              select k.id from auth.api_key k
              where k.account_id = $1 and not (" key_is_live("$6") ")
              order by k.create_time desc
              limit $10 offset $9
            )
          )
          insert into auth.api_key (id, account_id, secret_hash, display_name, scope, create_time, expire_time)
          select $2, $1, $3, $4, $5, $6, $7
          where (
            select count(*) from auth.api_key k where k.account_id = $1 and " key_is_live("$6") "
          ) < $8"],
        caller.user_id.uuid(),
        new.id.uuid(),
        &new.secret_hash,
        new.display_name.as_str(),
        new.scopes.as_str(),
        new.now,
        new.end.time(),
        MAX_LIVE,
        MAX_ENDED,
        MAX_DELETED,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The live keys of a caller, the newest first; `None` when the caller's session is not live.
pub(crate) async fn list_live(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<Option<Vec<ApiKey>>, database::Error> {
    let rows = sql!(query,
        [r#"select k.id as "id?: ApiKeyId", k.display_name as "display_name?: DisplayName", k.scope as "scopes?: KeyScopes",
               k.create_time as "create_time?", k.expire_time as "expire_time?", k.last_use_time
          from auth.session s
          join auth.account a on a.id = s.account_id
          left join auth.api_key k on k.account_id = s.account_id and "# key_is_live("$5") "
          where " caller_is_live "
          order by k.create_time desc, k.id desc"],
        caller(caller, now),
    )
    .fetch_all(connection)
    .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    // A caller without keys is one row of nulls.
    let keys = rows.into_iter().filter_map(|row| {
        Some(ApiKey {
            id: row.id?,
            display_name: row.display_name?,
            scopes: row.scopes?,
            create_time: row.create_time?,
            expire_time: row.expire_time?,
            last_use_time: row.last_use_time,
        })
    });
    Ok(Some(keys.collect()))
}

/// Ends a live key of a caller whose session is live.
pub(crate) async fn revoke(
    connection: &mut PgConnection,
    caller: &Caller,
    id: ApiKeyId,
    now: DateTime<Utc>,
) -> Result<EndResult, database::Error> {
    let ended = sql!(query_as EndResult,
        ["with own as (
            select s.account_id from auth.session s join auth.account a on a.id = s.account_id where " caller_is_live "
          ), ended as (
            update auth.api_key k
            set revoke_time = $5
            from own
            where k.id = $6 and k.account_id = own.account_id and " key_is_live("$5") r#"
            returning k.id
          )
          select exists (select from own) as "caller_live!", (select count(*) from ended) as "count!""#],
        caller(caller, now),
        id.uuid(),
    )
    .fetch_one(connection)
    .await?;
    Ok(ended)
}

/// Ends every API key of an account.
pub(crate) async fn end_all(
    connection: &mut PgConnection,
    id: UserId,
    now: DateTime<Utc>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "update auth.api_key set revoke_time = $2 where account_id = $1 and revoke_time is null",
        id.uuid(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The live keys of an account, the newest first.
pub(crate) async fn list_of_account(
    connection: &mut PgConnection,
    account_id: UserId,
    now: DateTime<Utc>,
) -> Result<Vec<ApiKey>, database::Error> {
    let keys = sql!(query_as ApiKey,
        [r#"select k.id as "id: ApiKeyId", k.display_name as "display_name: DisplayName", k.scope as "scopes: KeyScopes",
               k.create_time, k.expire_time, k.last_use_time
          from auth.api_key k
          where k.account_id = $1 and "# key_is_live("$2") "
          order by k.create_time desc, k.id desc"],
        account_id.uuid(),
        now,
    )
    .fetch_all(connection)
    .await?;
    Ok(keys)
}

/// Ends a live key of an account; false when it has no such key.
pub(crate) async fn end_of_account(
    connection: &mut PgConnection,
    account_id: UserId,
    id: ApiKeyId,
    now: DateTime<Utc>,
) -> Result<bool, database::Error> {
    let ended = sql!(query,
        ["update auth.api_key k set revoke_time = $3
          where k.id = $2 and k.account_id = $1 and " key_is_live("$3")],
        account_id.uuid(),
        id.uuid(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(ended.rows_affected() == 1)
}

/// What a live key of an active account grants. If `hour`, the beginning of the current hour, is later than the recorded last
/// use, it is recorded as the last use.
pub(crate) async fn exchange(
    connection: &mut PgConnection,
    id: ApiKeyId,
    secret_hash: &[u8; 32],
    now: DateTime<Utc>,
    hour: DateTime<Utc>,
) -> Result<Option<KeyGrant>, database::Error> {
    let granted = sql!(query_as KeyGrant,
        ["with granted as (
            select k.id, k.account_id, a.epoch, k.scope, k.expire_time
            from auth.api_key k
            join auth.account a on a.id = k.account_id
            where k.id = $1 and k.secret_hash = $2 and a.state = $4 and " key_is_live("$3") r#"
          ), used as (
            update auth.api_key k
            set last_use_time = $5
            from granted
            where k.id = granted.id and (k.last_use_time is null or k.last_use_time < $5)
          )
          select id as "id: ApiKeyId", account_id as "account_id: UserId", epoch, scope as "scopes: KeyScopes", expire_time
          from granted"#],
        id.uuid(),
        secret_hash,
        now,
        AccountState::Active as i16,
        hour,
    )
    .fetch_optional(connection)
    .await?;
    Ok(granted)
}

/// Deletes a batch of the keys that ended or expired before `limit`; how many were deleted. Rows that another sweeper holds
/// are skipped.
pub(crate) async fn sweep(
    connection: &mut PgConnection,
    limit: DateTime<Utc>,
    batch: Batch,
) -> Result<u64, database::Error> {
    let deleted = sqlx::query!(
        "delete from auth.api_key
         where id in (
           select id from auth.api_key
           where least(expire_time, revoke_time) < $1
           order by least(expire_time, revoke_time)
           limit $2 offset $3
           for update skip locked
         )",
        limit,
        batch.size,
        batch.skip,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}
