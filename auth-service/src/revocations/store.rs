//! Statements over `auth.revocation`: which access tokens are revoked before they expire.
//!
//! Whatever ends tokens revokes them in the same transaction: with one of these functions, or in a statement that inserts
//! into the table in the same way.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use database;
use serving::caller::Caller;
use sqlx::PgConnection;
use uuid::Uuid;
use verifier::revocation::{Revocation, RevocationKind};

use super::domain::RevocationWindow;
use crate::{batch::Batch, sql::sql};

/// `kind` of a revocation, as [`RevocationKind`] has it.
pub(crate) const SESSION: i16 = RevocationKind::Session as i16;
const ACCOUNT: i16 = RevocationKind::Account as i16;
const KEY: i16 = RevocationKind::Key as i16;

/// `min_epoch` of an account that was deleted: tokens of every epoch are revoked.
pub(crate) const NO_EPOCH: i64 = i64::MAX;

/// Revokes the tokens of one session or one API key: those whose `sid` is `id`.
pub(crate) async fn revoke_session(
    connection: &mut PgConnection,
    id: Uuid,
    window: RevocationWindow,
) -> Result<(), database::Error> {
    insert(connection, SESSION, &id.to_string(), 0, window).await
}

/// Revokes the tokens of an account whose epoch is below `min_epoch`.
pub(crate) async fn revoke_account(
    connection: &mut PgConnection,
    id: UserId,
    min_epoch: i64,
    window: RevocationWindow,
) -> Result<(), database::Error> {
    insert(connection, ACCOUNT, &id.to_string(), min_epoch, window).await
}

/// Revokes the tokens that one key has signed.
pub(crate) async fn revoke_key(
    connection: &mut PgConnection,
    kid: &str,
    window: RevocationWindow,
) -> Result<(), database::Error> {
    insert(connection, KEY, kid, 0, window).await
}

async fn insert(
    connection: &mut PgConnection,
    kind: i16,
    subject: &str,
    min_epoch: i64,
    window: RevocationWindow,
) -> Result<(), database::Error> {
    sql!(query, [insert_revocation " values ($1, $2, $3, $4, $5)"],
        kind,
        subject,
        min_epoch,
        window.now,
        window.expire_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The position in the feed up to which the publisher has read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FeedPosition {
    /// The history that was read.
    incarnation: String,
    /// The oldest transaction that was under way at that time.
    oldest: i64,
}

/// What the publisher reads.
#[derive(Debug)]
pub(crate) struct FeedChanges {
    /// The history of this database. It is the same for all who read it, and another one after a restore.
    pub(crate) incarnation: String,
    oldest: i64,
    /// All revocations in force that became visible since the position, and possibly some known before. All revocations in
    /// force when the history is another one.
    pub(crate) revocations: Vec<Revocation>,
}

impl FeedChanges {
    /// Where the next read begins.
    pub(crate) fn position(&self) -> FeedPosition {
        FeedPosition {
            incarnation: self.incarnation.clone(),
            oldest: self.oldest,
        }
    }
}

/// Reads the revocations that became visible since `position` and are in force at `now`. It is one statement, so that the
/// history and the transactions under way belong to the same snapshot as the rows.
///
/// A restored database is recognized by another server process (after a copy of files, a point-in-time recovery, or the
/// promotion of a standby) or by another database or table (after a dump).
// Longer than 40 lines because of the length of the one statement.
pub(crate) async fn read_changes(
    connection: &mut PgConnection,
    position: &FeedPosition,
    now: DateTime<Utc>,
) -> Result<FeedChanges, database::Error> {
    let rows = sqlx::query!(
        r#"with here as (
             select concat_ws(' ', s.system_identifier, c.timeline_id, d.oid, 'auth.revocation'::regclass::oid,
                              extract(epoch from pg_postmaster_start_time())) as incarnation,
                    pg_snapshot_xmin(pg_current_snapshot())::text::bigint as oldest
             from pg_control_system() s, pg_control_checkpoint() c, pg_database d
             where d.datname = current_database()
           )
           select here.incarnation as "incarnation!", here.oldest as "oldest!", r.sequence as "sequence?",
                  r.kind as "kind?", r.subject as "subject?", r.min_epoch as "min_epoch?", r.expire_time as "expire_time?"
           from here
           left join auth.revocation r
             on r.xact >= case when here.incarnation = $1 then $2::bigint else 0 end and r.expire_time > $3"#,
        position.incarnation,
        position.oldest,
        now,
    )
    .fetch_all(connection)
    .await?;
    let head = rows.first();
    let (incarnation, oldest) = head.map_or_else(Default::default, |row| {
        (row.incarnation.clone(), row.oldest)
    });
    // Without revocations there is one row of nulls.
    let revocations = rows.into_iter().filter_map(|row| {
        Some(Revocation {
            sequence: row.sequence?,
            kind: kind(row.kind?),
            subject: row.subject?,
            min_epoch: row.min_epoch?,
            expire_time: row.expire_time?,
        })
    });
    Ok(FeedChanges {
        incarnation,
        oldest,
        revocations: revocations.collect(),
    })
}

fn kind(number: i16) -> RevocationKind {
    RevocationKind::try_from(i32::from(number)).expect("a check of the table allows no other kinds")
}

/// Whether a token of the caller is valid at `now`: its account has its epoch, and its session or API key is live.
pub(crate) async fn is_live(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<bool, database::Error> {
    let live = sql!(query_scalar,
        ["select exists (
            select from auth.account a
            where a.id = $2 and a.epoch = $3 and a.state = $4 and (
              exists (
                select from auth.session s where s.id = $1 and s.account_id = a.id and " session_is_live("$5") "
              ) or exists (
                select from auth.api_key k where k.id = $1 and k.account_id = a.id and " key_is_live("$5") r#"
              )
            )
          ) as "live!""#],
        caller(caller, now),
    )
    .fetch_one(connection)
    .await?;
    Ok(live)
}

/// Deletes a batch of revocations that expired before `limit`; how many were deleted. Rows that another sweeper holds
/// are skipped.
pub(crate) async fn sweep(
    connection: &mut PgConnection,
    limit: DateTime<Utc>,
    batch: Batch,
) -> Result<u64, database::Error> {
    let deleted = sqlx::query!(
        "delete from auth.revocation
         where sequence in (
           select sequence from auth.revocation
           where expire_time < $1
           order by expire_time
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
