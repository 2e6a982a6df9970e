//! Statements that bound how many rows an account has.

use api::ids::{SessionId, UserId};
use database;
use sqlx::PgConnection;

use super::{all::MAX_READ, end::RevokeReason};
use crate::{
    audit::domain::AuditEvent,
    revocations::{domain::RevocationWindow, store::SESSION},
    sql::sql,
};

/// Most ended sessions of an account that are kept, so that their tokens are refused with the reason and their devices stay known.
const MAX_ENDED: i64 = 500;

/// Makes room for the session `new` of an account, which is locked: besides it, only the newest `max - 1` live sessions stay, and
/// only the newest ended ones are kept. Revokes the tokens of those that end, and records it; whether one ended.
#[expect(clippy::too_many_lines, reason = "it is one statement")]
pub(crate) async fn make_room(
    connection: &mut PgConnection,
    account_id: UserId,
    new: SessionId,
    max: u32,
    event: &AuditEvent,
    window: RevocationWindow,
) -> Result<bool, database::Error> {
    let recorded = sql!(query,
        ["with newest as materialized (
            select s.id, s.live, row_number() over (partition by s.live order by s.create_time desc, s.id desc) as place
            from (
              select s.id, s.create_time, " session_is_live("$4") " as live
              from (select * from auth.session where account_id = $1 order by create_time desc limit $12) s
              join auth.account a on a.id = s.account_id
              where s.id <> $2
            ) s
          ), deleted as (
            delete from auth.session s using newest
            where s.id = newest.id and not newest.live and newest.place > $13
          ), ended as (
            update auth.session s
            set revoke_time = $4, revoke_reason = $5
            from newest
            where s.id = newest.id and newest.live and newest.place >= $3 and s.revoke_time is null
            returning s.id, s.account_id
          ), revoked as (
            " insert_revocation "
            select $10, ended.id::text, 0, $4, $11 from ended
          )
          " insert_audit_event "
          select $6, $4, $7, ended.account_id, ended.id, $8, $9 from ended order by ended.id limit 1"],
        account_id.uuid(),
        new.uuid(),
        i64::from(max),
        event.time,
        RevokeReason::Displaced as i16,
        event.id,
        event.kind.as_str(),
        event.origin.ip,
        event.origin.user_agent,
        SESSION,
        window.expire_time,
        MAX_READ,
        MAX_ENDED,
    )
    .execute(connection)
    .await?;
    Ok(recorded.rows_affected() == 1)
}
