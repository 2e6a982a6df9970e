//! Statements over `auth.account` that an account asks for. They join the caller's session, because the access token may
//! outlive both the session and the account.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use serving::caller::Caller;
use sqlx::PgConnection;

use super::{
    deletions::{AccountDeletion, DeletionPage, DeletionsSince},
    domain::{Account, AccountState, DisplayName, FIRST_EPOCH, Role},
    email::Email,
};
use crate::{passwords::hashing::PasswordHash, sql::sql};

/// An account that is about to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewAccount {
    pub(crate) id: UserId,
    pub(crate) email: Email,
    pub(crate) password_hash: PasswordHash,
    pub(crate) display_name: DisplayName,
    pub(crate) role: Role,
    pub(crate) now: DateTime<Utc>,
}

/// Makes an account; false when the address is taken, under its key or under one of the older rule.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    new: &NewAccount,
) -> Result<bool, database::Error> {
    let inserted = sqlx::query!(
        "insert into auth.account
           (id, email, email_hash, password_hash, display_name, role, state, epoch, revision, create_time, update_time)
         select $1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9
         where not exists (select from auth.account where email_hash = any($10))
         on conflict on constraint account_email_hash_key do nothing",
        new.id.uuid(),
        new.email.as_str(),
        &new.email.key_hash(),
        new.password_hash.as_str(),
        new.display_name.as_str(),
        new.role as i16,
        AccountState::Active as i16,
        FIRST_EPOCH,
        new.now,
        &new.email.key_hashes(),
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
    let found = sql!(query_as Account,
        ["select " account_columns "
          from auth.session s
          join auth.account a on a.id = s.account_id
          where " caller_is_live],
        caller(caller, now),
    )
    .fetch_optional(connection)
    .await?;
    Ok(found)
}

/// Changes the account of a caller whose session is live, if it has the expected revision.
pub(crate) async fn update_own(
    connection: &mut PgConnection,
    caller: &Caller,
    display_name: &DisplayName,
    revision: Option<i64>,
    now: DateTime<Utc>,
) -> Result<Option<Account>, database::Error> {
    let updated = sql!(query_as Account,
        ["update auth.account a
          set display_name = $6, revision = a.revision + 1, update_time = $5
          from auth.session s
          where a.id = s.account_id and " caller_is_live "
            and ($7::bigint is null or a.revision = $7)
          returning " account_columns],
        caller(caller, now),
        display_name.as_str(),
        revision,
    )
    .fetch_optional(connection)
    .await?;
    Ok(updated)
}

/// Deletes an active account, and gives the role it had; `None` when its epoch is another one.
pub(crate) async fn delete(
    connection: &mut PgConnection,
    id: UserId,
    epoch: i64,
) -> Result<Option<Role>, database::Error> {
    let role = sqlx::query_scalar!(
        r#"delete from auth.account where id = $1 and epoch = $2 and state = $3 returning role as "role: Role""#,
        id.uuid(),
        epoch,
        AccountState::Active as i16,
    )
    .fetch_optional(connection)
    .await?;
    Ok(role)
}

/// Raises the epoch of an account, which revokes its tokens; the new epoch.
pub(crate) async fn raise_epoch(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<Option<i64>, database::Error> {
    let epoch = sqlx::query_scalar!(
        "update auth.account set epoch = epoch + 1 where id = $1 returning epoch",
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(epoch)
}

/// Locks an active administrator other than `except`; false when there is none.
///
/// It is called after `except` was updated or deleted in the same transaction. Two transactions that do so to the last two
/// administrators wait for each other, and one of them is retried.
pub(crate) async fn lock_other_admin(
    connection: &mut PgConnection,
    except: UserId,
) -> Result<bool, database::Error> {
    let other = sqlx::query_scalar!(
        r#"select true as "other!" from auth.account where role = $2 and state = $3 and id <> $1 limit 1 for share"#,
        except.uuid(),
        Role::Admin as i16,
        AccountState::Active as i16,
    )
    .fetch_optional(connection)
    .await?;
    Ok(other.is_some())
}

/// The deletions after `since`, with the history of this database (see `revocations::store::read_changes`).
pub(crate) async fn list_deletions(
    connection: &mut PgConnection,
    since: &DeletionsSince,
) -> Result<DeletionPage, database::Error> {
    let rows = sqlx::query!(
        r#"with here as (
             select concat_ws(' ', s.system_identifier, c.timeline_id, d.oid, 'auth.account_deletion'::regclass::oid,
                              extract(epoch from pg_postmaster_start_time())) as incarnation,
                    coalesce((select head from auth.account_deletion_head), 0) as head
             from pg_control_system() s, pg_control_checkpoint() c, pg_database d
             where d.datname = current_database()
           )
           select here.incarnation as "incarnation!", here.head as "head!", d.sequence as "sequence?",
                  d.account_id as "account_id?: UserId", d.delete_time as "delete_time?"
           from here
           left join lateral (
             select sequence, account_id, delete_time
             from auth.account_deletion
             where sequence > case when here.incarnation = $1 and $2 <= here.head then $2 else 0 end
             order by sequence limit $3
           ) d on true
           order by d.sequence"#,
        since.incarnation,
        since.sequence,
        since.page_size,
    )
    .fetch_all(connection)
    .await?;
    // Without deletions there is one row of nulls.
    let deletions = rows.iter().filter_map(|row| {
        Some(AccountDeletion {
            sequence: row.sequence?,
            account_id: row.account_id?,
            delete_time: row.delete_time?,
        })
    });
    let deletions = deletions.collect();
    let page = rows.into_iter().next().map(|row| DeletionPage {
        incarnation: row.incarnation,
        head: row.head,
        deletions,
    });
    Ok(page.unwrap_or_default())
}
