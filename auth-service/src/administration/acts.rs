//! The transactions of administration. Each act leaves its mark in the audit log, and one that changes nothing leaves none.

use chrono::{DateTime, Utc};
use shared::ids::UserId;
use sqlx::PgConnection;

use crate::{
    error::Error,
    store::{
        ADMIN,
        account::Account,
        administration as store, audit,
        audit::Act,
        feed::{self, Voiding},
    },
};

/// An act to be done to an account, and who does it: the id of an administrator's account, or `cli`.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) account_id: UserId,
    pub(crate) actor: String,
    pub(crate) act: Act,
    pub(crate) voiding: Voiding,
}

impl Order {
    fn now(&self) -> DateTime<Utc> {
        self.act.time
    }

    async fn record(&self, connection: &mut PgConnection) -> Result<(), Error> {
        audit::insert_by(connection, &self.act, self.account_id, &self.actor).await?;
        Ok(())
    }
}

/// Closes an account: its sessions and API keys end, and all its tokens are void. A closed one stays as it is.
pub(crate) async fn disable(
    connection: &mut PgConnection,
    order: &Order,
) -> Result<Account, Error> {
    let (id, now) = (order.account_id, order.now());
    let Some(account) = store::disable(connection, id, now).await? else {
        return get(connection, id).await;
    };
    if account.role == ADMIN && !store::lock_other_admin(connection, id).await? {
        return Err(Error::LastAdmin);
    }
    store::end_sessions(connection, id, now).await?;
    store::end_api_keys(connection, id, now).await?;
    feed::revoke_account(connection, id, account.epoch, order.voiding).await?;
    order.record(connection).await?;
    Ok(account)
}

/// Opens a closed account; what ended with it stays ended. An open one stays as it is.
pub(crate) async fn enable(connection: &mut PgConnection, order: &Order) -> Result<Account, Error> {
    let Some(account) = store::enable(connection, order.account_id, order.now()).await? else {
        return get(connection, order.account_id).await;
    };
    order.record(connection).await?;
    Ok(account)
}

/// Ends every session of an account and voids their tokens; how many sessions they were. Tokens of its API keys are void
/// too, but the keys are not: they are exchanged again.
pub(crate) async fn end_sessions(
    connection: &mut PgConnection,
    order: &Order,
) -> Result<i64, Error> {
    let id = order.account_id;
    // First, since sessions are begun under a lock of the account: none begins unseen.
    let Some(epoch) = store::raise_epoch(connection, id).await? else {
        return Err(Error::AccountNotFound);
    };
    let open = store::end_sessions(connection, id, order.now()).await?;
    feed::revoke_account(connection, id, epoch, order.voiding).await?;
    order.record(connection).await?;
    Ok(open)
}

async fn get(connection: &mut PgConnection, id: UserId) -> Result<Account, Error> {
    let found = store::find_account(connection, id).await?;
    found.ok_or(Error::AccountNotFound)
}
