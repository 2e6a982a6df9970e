//! Statements of signing keys, and of the replicas that must know a key before it signs.

use chrono::{DateTime, Utc};
use shared::{database, proto::auth::SigningKeyState as State};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::signing::sealing::Sealed;

/// The unique index that lets one key sign.
const ONE_ACTIVE: &str = "signing_key_active_key";

/// A key about to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewKey {
    pub(crate) kid: String,
    pub(crate) public_key: [u8; 32],
    pub(crate) sealed: Sealed,
    pub(crate) create_time: DateTime<Utc>,
}

/// A key that was not killed.
#[derive(Debug, Clone)]
pub(crate) struct StoredKey {
    pub(crate) kid: String,
    pub(crate) public_key: Vec<u8>,
    pub(crate) key_encryption_key: i16,
    pub(crate) sealed_private_key: Option<Vec<u8>>,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) publish_time: Option<DateTime<Utc>>,
    pub(crate) activate_time: Option<DateTime<Utc>>,
    pub(crate) retire_time: Option<DateTime<Utc>>,
}

impl StoredKey {
    /// Where the key stands, as its times tell.
    pub(crate) const fn state(&self) -> State {
        match (self.activate_time, self.retire_time) {
            (None, None) => State::Next,
            (Some(_), None) => State::Active,
            (_, Some(_)) => State::Retired,
        }
    }

    /// The state in one word.
    pub(crate) fn state_name(&self) -> &'static str {
        let name = self.state().as_str_name();
        name.strip_prefix("SIGNING_KEY_STATE_").unwrap_or(name)
    }

    /// Whether it is about to sign.
    pub(crate) fn is_next(&self) -> bool {
        self.state() == State::Next
    }

    /// Whether it signs.
    pub(crate) fn is_active(&self) -> bool {
        self.state() == State::Active
    }
}

/// The keys that verify tokens, the newest first: all but those killed, and those retired at `retired_before` or earlier.
pub(crate) async fn list(
    connection: &mut PgConnection,
    retired_before: DateTime<Utc>,
) -> Result<Vec<StoredKey>, database::Error> {
    let keys = sqlx::query_as!(
        StoredKey,
        "select kid, public_key, key_encryption_key, sealed_private_key, create_time, publish_time, activate_time,
           retire_time
         from auth.signing_key
         where kill_time is null and (retire_time is null or retire_time > $1)
         order by create_time desc, retire_time desc nulls first, activate_time desc nulls first, kid",
        retired_before,
    )
    .fetch_all(connection)
    .await?;
    Ok(keys)
}

/// Writes a key that signs at once; false when there is one already.
pub(crate) async fn insert_active(
    connection: &mut PgConnection,
    new: &NewKey,
) -> Result<bool, database::Error> {
    let inserted = sqlx::query!(
        "insert into auth.signing_key
           (kid, public_key, key_encryption_key, sealed_private_key, create_time, publish_time, activate_time)
         values ($1, $2, $3, $4, $5, $5, $5)
         on conflict do nothing",
        new.kid,
        new.public_key.as_slice(),
        i16::from(new.sealed.key_id),
        new.sealed.bytes,
        new.create_time,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Writes a key that will sign; false when there is one already, or, with `due`, when the key that signs began to later.
pub(crate) async fn insert_next(
    connection: &mut PgConnection,
    new: &NewKey,
    due: Option<DateTime<Utc>>,
) -> Result<bool, database::Error> {
    let inserted = sqlx::query!(
        "insert into auth.signing_key (kid, public_key, key_encryption_key, sealed_private_key, create_time)
         select $1, $2, $3, $4, $5
         where $6::timestamptz is null or exists (
           select from auth.signing_key
           where activate_time <= $6 and retire_time is null and kill_time is null
         )
         on conflict do nothing",
        new.kid,
        new.public_key.as_slice(),
        i16::from(new.sealed.key_id),
        new.sealed.bytes,
        new.create_time,
        due,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Notes when a key was first published.
pub(crate) async fn publish(
    connection: &mut PgConnection,
    kid: &str,
    now: DateTime<Utc>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "update auth.signing_key set publish_time = $2 where kid = $1 and publish_time is null",
        kid,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes the NEXT key `kid` sign and retires the one that did, if the key was published at `published_before` or earlier,
/// or every replica seen since `seen_after` has acknowledged it. False when it may not sign yet, or already does.
pub(crate) async fn activate(
    connection: &mut PgConnection,
    kid: &str,
    now: DateTime<Utc>,
    published_before: DateTime<Utc>,
    seen_after: DateTime<Utc>,
) -> Result<bool, database::Error> {
    let activated = sqlx::query!(
        "with next as (
           select kid from auth.signing_key
           where kid = $1 and publish_time is not null and activate_time is null and kill_time is null
             and (publish_time <= $3 or not exists (
               select from auth.signing_replica where seen_time > $4 and acknowledged is distinct from $1
             ))
           for update
         ), retired as (
           update auth.signing_key k
           set retire_time = $2, sealed_private_key = null
           from next
           where k.activate_time is not null and k.retire_time is null and k.kill_time is null
           returning k.kid
         )
         -- The join reads what was retired, so that the old key stops before the new one starts.
         update auth.signing_key k
         set activate_time = $2
         from next left join retired on true
         where k.kid = next.kid",
        kid,
        now,
        published_before,
        seen_after,
    )
    .execute(connection);
    match activated.await.map_err(database::Error::from) {
        // Another key took the place of one that was killed meanwhile.
        Err(error) if error.constraint() == Some(ONE_ACTIVE) => Ok(false),
        activated => Ok(activated?.rows_affected() == 1),
    }
}

/// Ends a key for good; whether it was the one that signed, or `None` when there is no such key or it was killed before.
pub(crate) async fn kill(
    connection: &mut PgConnection,
    kid: &str,
    now: DateTime<Utc>,
) -> Result<Option<bool>, database::Error> {
    let was_active = sqlx::query_scalar!(
        r#"update auth.signing_key
           set kill_time = $2, sealed_private_key = null
           where kid = $1 and kill_time is null
           returning activate_time is not null and retire_time is null as "was_active!""#,
        kid,
        now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(was_active)
}

/// Notes that a replica is alive and which NEXT key it has acknowledged.
pub(crate) async fn attend(
    connection: &mut PgConnection,
    replica: Uuid,
    acknowledged: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "insert into auth.signing_replica (id, seen_time, acknowledged)
         values ($1, $3, $2)
         on conflict (id) do update set seen_time = excluded.seen_time, acknowledged = excluded.acknowledged",
        replica,
        acknowledged,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the replicas not seen since `gone_before`. A statement of its own, not a part of [`attend`]: two replicas that
/// held their own rows and wanted each other's would deadlock.
pub(crate) async fn forget(
    connection: &mut PgConnection,
    gone_before: DateTime<Utc>,
) -> Result<(), database::Error> {
    sqlx::query!(
        "delete from auth.signing_replica
         where id in (
           select id from auth.signing_replica where seen_time <= $1 for update skip locked
         )",
        gone_before,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a replica that stops.
pub(crate) async fn leave(
    connection: &mut PgConnection,
    replica: Uuid,
) -> Result<(), database::Error> {
    sqlx::query!("delete from auth.signing_replica where id = $1", replica)
        .execute(connection)
        .await?;
    Ok(())
}
