//! Ending all sessions of an account, or all but one, in a transaction whose work does not grow with their number.

use api::ids::{SessionId, UserId};
use chrono::{DateTime, TimeDelta, Utc};
use serving::caller::Caller;
use sqlx::PgConnection;

use super::store::{all, end::RevokeReason};
use crate::{
    accounts::store as accounts,
    audit::{domain::AuditEvent, store as audit},
    error::Error,
    revocations::{domain::RevocationWindow, store as revocations},
};

/// How long sessions that ended without being marked are kept at least, so that their tokens are refused with the reason.
const UNMARKED_RETENTION: TimeDelta = TimeDelta::minutes(10);

/// Ends every session of an account, except one; how many of the newest were live. The same transaction has raised the account's
/// epoch, which locks it, and revokes the tokens of older epochs. The session that stays has the new epoch already.
pub(crate) async fn end_all(
    connection: &mut PgConnection,
    account_id: UserId,
    except: Option<SessionId>,
    reason: RevokeReason,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    let newest = all::end_newest(connection, account_id, except, reason, now, None).await?;
    all::end_older(connection, account_id).await?;
    if newest.more {
        all::schedule_sweep(connection, account_id, now + UNMARKED_RETENTION).await?;
    }
    Ok(newest.live)
}

/// The transaction that ends the other sessions of a caller; how many of the newest were live.
///
/// The tokens of each are revoked by themselves, so that the caller's and those of API keys stay valid. Only if there are more
/// sessions than an account can have today, the account gets a new epoch.
pub(super) async fn end_others(
    connection: &mut PgConnection,
    caller: &Caller,
    event: &AuditEvent,
    window: RevocationWindow,
) -> Result<i64, Error> {
    let (account_id, own, now) = (caller.user_id, caller.session_id, event.time);
    all::lock_account(connection, account_id).await?;
    if !all::is_own_live(connection, caller, now).await? {
        return Err(Error::TokenRevoked);
    }
    let (reason, each) = (RevokeReason::ByAccount, Some(window));
    let newest = all::end_newest(connection, account_id, Some(own), reason, now, each).await?;
    if newest.more {
        let epoch = accounts::raise_epoch(connection, account_id).await?;
        let epoch = epoch.ok_or(Error::TokenRevoked)?;
        all::keep(connection, caller, epoch).await?;
        all::end_older(connection, account_id).await?;
        all::schedule_sweep(connection, account_id, now + UNMARKED_RETENTION).await?;
        revocations::revoke_account(connection, account_id, epoch, window).await?;
    }
    if newest.live > 0 {
        audit::insert(connection, event, account_id, Some(own)).await?;
    }
    Ok(newest.live)
}
