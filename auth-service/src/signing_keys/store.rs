//! Statements over signing keys, and over the replicas that must know a key before it signs.

use chrono::{DateTime, Utc};
use database;
use sqlx::PgConnection;
use uuid::Uuid;

use super::sealing::SealedSeed;

/// The unique index that allows only one active key.
const ONE_ACTIVE: &str = "signing_key_active_key";

/// A key that is about to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewKey {
    pub(crate) kid: String,
    pub(crate) public_key: [u8; 32],
    pub(crate) sealed: SealedSeed,
    pub(crate) create_time: DateTime<Utc>,
    /// The longest life of its tokens, in seconds.
    pub(crate) token_ttl: i32,
}

/// Whether a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// It will sign.
    Next,
    /// It signs.
    Active,
    /// It has signed, and still verifies.
    Retired,
}

impl KeyState {
    /// The state in one word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "NEXT",
            Self::Active => "ACTIVE",
            Self::Retired => "RETIRED",
        }
    }
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
    /// The longest life of its tokens, in seconds; `None` when an older version made it.
    pub(crate) token_ttl: Option<i32>,
}

impl StoredKey {
    /// The state, which follows from the times.
    pub(crate) const fn state(&self) -> KeyState {
        match (self.activate_time, self.retire_time) {
            (None, None) => KeyState::Next,
            (Some(_), None) => KeyState::Active,
            (_, Some(_)) => KeyState::Retired,
        }
    }

    /// Whether it will sign.
    pub(crate) fn is_next(&self) -> bool {
        self.state() == KeyState::Next
    }

    /// Whether it signs.
    pub(crate) fn is_active(&self) -> bool {
        self.state() == KeyState::Active
    }
}

/// The keys that verify tokens, the newest first: all except those killed, and those retired at `retired_before` or earlier.
pub(crate) async fn list(
    connection: &mut PgConnection,
    retired_before: DateTime<Utc>,
) -> Result<Vec<StoredKey>, database::Error> {
    let keys = sqlx::query_as!(
        StoredKey,
        "select kid, public_key, key_encryption_key, sealed_private_key, create_time, publish_time, activate_time,
           retire_time, token_ttl
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
           (kid, public_key, key_encryption_key, sealed_private_key, create_time, publish_time, activate_time, token_ttl)
         values ($1, $2, $3, $4, $5, $5, $5, $6)
         on conflict do nothing",
        new.kid,
        new.public_key.as_slice(),
        i16::from(new.sealed.key_id),
        new.sealed.bytes,
        new.create_time,
        new.token_ttl,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Writes a key that will sign; false when there is one already or, with `due`, when the active key began to sign later than
/// that.
pub(crate) async fn insert_next(
    connection: &mut PgConnection,
    new: &NewKey,
    due: Option<DateTime<Utc>>,
) -> Result<bool, database::Error> {
    let inserted = sqlx::query!(
        "insert into auth.signing_key (kid, public_key, key_encryption_key, sealed_private_key, create_time, token_ttl)
         select $1, $2, $3, $4, $5, $7
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
        new.token_ttl,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Records that tokens of keys that sign, or will sign, may live for this many seconds.
pub(crate) async fn raise_token_ttl(
    connection: &mut PgConnection,
    token_ttl: i32,
) -> Result<(), database::Error> {
    sqlx::query!(
        "update auth.signing_key set token_ttl = $1
         where token_ttl < $1 and retire_time is null and kill_time is null",
        token_ttl,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Records when a key was first published.
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

/// Makes the NEXT key `kid` active and retires the one that was, if the key was published at `published_before` or earlier, or
/// if every replica seen since `seen_after` has acknowledged it. False when it may not sign yet, or already does.
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
         -- The join with `retired` makes the old key stop before the new one starts.
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
        // The active key was killed meanwhile, and another key has taken its place.
        Err(error) if error.constraint() == Some(ONE_ACTIVE) => Ok(false),
        activated => Ok(activated?.rows_affected() == 1),
    }
}

/// Ends a key; whether it was the active one, or `None` when there is no such key or it was killed before.
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

/// Records that a replica is alive and which NEXT key it has acknowledged.
pub(crate) async fn report_replica(
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

/// Deletes the replicas not seen since `gone_before`. It is not a part of [`report_replica`], because two replicas that each
/// lock their own row and then the other's would deadlock.
pub(crate) async fn delete_dead_replicas(
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

/// Deletes a replica that stops.
pub(crate) async fn delete_replica(
    connection: &mut PgConnection,
    replica: Uuid,
) -> Result<(), database::Error> {
    sqlx::query!("delete from auth.signing_replica where id = $1", replica)
        .execute(connection)
        .await?;
    Ok(())
}
