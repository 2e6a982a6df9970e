//! Statements over `auth.api_key`. Those that an account asks for join the caller's session, like those of accounts.

use chrono::{DateTime, Utc};
use shared::{
    caller::Caller,
    database,
    ids::{ApiKeyId, UserId},
};
use sqlx::PgConnection;

use super::{ACTIVE, revocation::Ended};
use crate::domain::{DisplayName, KeyEnd, KeyScopes};

/// Most keys of one account that have neither ended nor expired.
pub(crate) const MOST_LIVE: i64 = 50;

/// A key about to be made.
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

/// What a key's access token is made from.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) id: ApiKeyId,
    pub(crate) account_id: UserId,
    /// The account's.
    pub(crate) epoch: i64,
    pub(crate) scopes: KeyScopes,
    pub(crate) expire_time: DateTime<Utc>,
}

/// Locks the account of a caller whose session is live, so that its keys are made one after the other; false when it is
/// not live.
pub(crate) async fn lock_account(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<bool, database::Error> {
    let locked = sqlx::query_scalar!(
        r#"select true as "live!"
           from auth.session s
           join auth.account a on a.id = s.account_id
           where s.id = $1 and s.account_id = $2 and a.epoch = $3 and a.state = $4
             and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5
           for no key update of a"#,
        caller.session_id.uuid(),
        caller.user_id.uuid(),
        caller.epoch,
        ACTIVE,
        now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(locked.is_some())
}

/// Makes a key of an account that [`lock_account`] has locked; false when it has [`MOST_LIVE`] already.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    caller: &Caller,
    new: &NewApiKey,
) -> Result<bool, database::Error> {
    let inserted = sqlx::query!(
        "insert into auth.api_key (id, account_id, secret_hash, display_name, scope, create_time, expire_time)
         select $2, $1, $3, $4, $5, $6, $7
         where (
           select count(*) from auth.api_key
           where account_id = $1 and revoke_time is null and expire_time > $6
         ) < $8",
        caller.user_id.uuid(),
        new.id.uuid(),
        &new.secret_hash,
        new.display_name.as_str(),
        new.scopes.as_str(),
        new.now,
        new.end.time(),
        MOST_LIVE,
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
    let rows = sqlx::query!(
        r#"select k.id as "id?: ApiKeyId", k.display_name as "display_name?: DisplayName", k.scope as "scopes?: KeyScopes",
                  k.create_time as "create_time?", k.expire_time as "expire_time?", k.last_use_time
           from auth.session s
           join auth.account a on a.id = s.account_id
           left join auth.api_key k on k.account_id = s.account_id and k.revoke_time is null and k.expire_time > $5
           where s.id = $1 and s.account_id = $2 and a.epoch = $3 and a.state = $4
             and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5
           order by k.create_time desc, k.id desc"#,
        caller.session_id.uuid(),
        caller.user_id.uuid(),
        caller.epoch,
        ACTIVE,
        now,
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
) -> Result<Ended, database::Error> {
    let ended = sqlx::query_as!(
        Ended,
        r#"with own as (
             select s.account_id
             from auth.session s
             join auth.account a on a.id = s.account_id
             where s.id = $1 and s.account_id = $2 and a.epoch = $3 and a.state = $4
               and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5
           ), ended as (
             update auth.api_key k
             set revoke_time = $5
             from own
             where k.id = $6 and k.account_id = own.account_id and k.revoke_time is null and k.expire_time > $5
             returning k.id
           )
           select exists (select from own) as "caller_live!", (select count(*) from ended) as "count!""#,
        caller.session_id.uuid(),
        caller.user_id.uuid(),
        caller.epoch,
        ACTIVE,
        now,
        id.uuid(),
    )
    .fetch_one(connection)
    .await?;
    Ok(ended)
}

/// What a live key of an active account grants; noted as its last use when `hour`, the beginning of this one, is later
/// than the one noted.
pub(crate) async fn exchange(
    connection: &mut PgConnection,
    id: ApiKeyId,
    secret_hash: &[u8; 32],
    now: DateTime<Utc>,
    hour: DateTime<Utc>,
) -> Result<Option<Grant>, database::Error> {
    let granted = sqlx::query_as!(
        Grant,
        r#"with granted as (
             select k.id, k.account_id, a.epoch, k.scope, k.expire_time
             from auth.api_key k
             join auth.account a on a.id = k.account_id
             where k.id = $1 and k.secret_hash = $2 and k.revoke_time is null and k.expire_time > $3 and a.state = $4
           ), noted as (
             update auth.api_key k
             set last_use_time = $5
             from granted
             where k.id = granted.id and (k.last_use_time is null or k.last_use_time < $5)
           )
           select id as "id: ApiKeyId", account_id as "account_id: UserId", epoch, scope as "scopes: KeyScopes", expire_time
           from granted"#,
        id.uuid(),
        secret_hash,
        now,
        ACTIVE,
        hour,
    )
    .fetch_optional(connection)
    .await?;
    Ok(granted)
}

/// Deletes at most `batch` keys that ended or expired before `limit`; how many it were. Rows that another sweeper holds are
/// passed over.
pub(crate) async fn sweep(
    connection: &mut PgConnection,
    limit: DateTime<Utc>,
    batch: i64,
) -> Result<u64, database::Error> {
    let deleted = sqlx::query!(
        "delete from auth.api_key
         where id in (
           select id from auth.api_key
           where least(expire_time, revoke_time) < $1
           order by least(expire_time, revoke_time)
           limit $2
           for update skip locked
         )",
        limit,
        batch,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}
