//! Statements over `auth.revocation`: what voids access tokens before they expire.
//!
//! Whatever ends tokens voids them in the same transaction: with one of these functions, or in a statement of its own that
//! inserts into the table as they do.

use chrono::{DateTime, Utc};
use shared::{
    caller::Caller,
    database,
    ids::UserId,
    revocation::{Revocation, RevocationKind},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::ACTIVE;

/// `kind` of a revocation, as [`RevocationKind`] has it.
pub(crate) const SESSION: i16 = RevocationKind::Session as i16;
const ACCOUNT: i16 = RevocationKind::Account as i16;
const KEY: i16 = RevocationKind::Key as i16;

/// `min_epoch` of an account that is gone: no epoch is good any more.
pub(crate) const NO_EPOCH: i64 = i64::MAX;

/// When tokens are voided, and when all of them have expired anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Voiding {
    pub(crate) now: DateTime<Utc>,
    /// In whole seconds.
    pub(crate) expire_time: DateTime<Utc>,
}

/// Voids the tokens of one session or one API key: those whose `sid` is `id`.
pub(crate) async fn revoke_session(
    connection: &mut PgConnection,
    id: Uuid,
    voiding: Voiding,
) -> Result<(), database::Error> {
    insert(connection, SESSION, &id.to_string(), 0, voiding).await
}

/// Voids the tokens of an account whose epoch is below `min_epoch`.
pub(crate) async fn revoke_account(
    connection: &mut PgConnection,
    id: UserId,
    min_epoch: i64,
    voiding: Voiding,
) -> Result<(), database::Error> {
    insert(connection, ACCOUNT, &id.to_string(), min_epoch, voiding).await
}

/// Voids the tokens that one key has signed.
pub(crate) async fn revoke_key(
    connection: &mut PgConnection,
    kid: &str,
    voiding: Voiding,
) -> Result<(), database::Error> {
    insert(connection, KEY, kid, 0, voiding).await
}

async fn insert(
    connection: &mut PgConnection,
    kind: i16,
    subject: &str,
    min_epoch: i64,
    voiding: Voiding,
) -> Result<(), database::Error> {
    sqlx::query!(
        "insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)
         values ($1, $2, $3, $4, $5)",
        kind,
        subject,
        min_epoch,
        voiding.now,
        voiding.expire_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How far a reader has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// The history it read.
    incarnation: String,
    /// The oldest transaction that was still under way then.
    oldest: i64,
}

/// What a reader finds.
#[derive(Debug)]
pub(crate) struct Look {
    /// The history of this database: the same for all who read it, another one once it was restored.
    pub(crate) incarnation: String,
    oldest: i64,
    /// All in force that became visible since the position, and perhaps some known before; all in force when the history
    /// is another one.
    pub(crate) revocations: Vec<Revocation>,
}

impl Look {
    /// From where to look on.
    pub(crate) fn position(&self) -> Position {
        Position {
            incarnation: self.incarnation.clone(),
            oldest: self.oldest,
        }
    }
}

/// Looks for what became visible since `position` and is in force at `now`, in one statement, so that what it says of the
/// history and of the transactions under way holds for the rows as well.
///
/// A restored database is another server process (a copy of files, a point in time, a standby that was promoted) or has
/// another database or table (a dump).
pub(crate) async fn look(
    connection: &mut PgConnection,
    position: &Position,
    now: DateTime<Utc>,
) -> Result<Look, database::Error> {
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
    // A feed without revocations is one row of nulls.
    let revocations = rows.into_iter().filter_map(|row| {
        Some(Revocation {
            sequence: row.sequence?,
            kind: kind(row.kind?),
            subject: row.subject?,
            min_epoch: row.min_epoch?,
            expire_time: row.expire_time?,
        })
    });
    Ok(Look {
        incarnation,
        oldest,
        revocations: revocations.collect(),
    })
}

fn kind(number: i16) -> RevocationKind {
    RevocationKind::try_from(i32::from(number)).expect("the table takes no other kinds")
}

/// Whether a token of the caller is good at `now`: its account has its epoch, and its session or API key is live.
pub(crate) async fn is_live(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<bool, database::Error> {
    let live = sqlx::query_scalar!(
        r#"select exists (
             select from auth.account a
             where a.id = $2 and a.epoch = $3 and a.state = $4 and (
               exists (
                 select from auth.session s
                 where s.id = $1 and s.account_id = a.id
                   and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5
               ) or exists (
                 select from auth.api_key k
                 where k.id = $1 and k.account_id = a.id and k.revoke_time is null and k.expire_time > $5
               )
             )
           ) as "live!""#,
        caller.session_id.uuid(),
        caller.user_id.uuid(),
        caller.epoch,
        ACTIVE,
        now,
    )
    .fetch_one(connection)
    .await?;
    Ok(live)
}

/// Deletes at most `batch` revocations that expired before `limit`; how many it were. Rows that another sweeper holds are
/// passed over.
pub(crate) async fn sweep(
    connection: &mut PgConnection,
    limit: DateTime<Utc>,
    batch: i64,
) -> Result<u64, database::Error> {
    let deleted = sqlx::query!(
        "delete from auth.revocation
         where sequence in (
           select sequence from auth.revocation
           where expire_time < $1
           order by expire_time
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
