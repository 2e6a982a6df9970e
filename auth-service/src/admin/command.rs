//! What an administrator or the command line does to an account, within a transaction. Each change is recorded in the audit
//! log; a command that changes nothing is not.

use api::ids::{ApiKeyId, UserId};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::store;
use crate::{
    accounts::{
        domain::{Account, Role},
        store::{self as accounts, lock_other_admin},
    },
    api_keys::store as api_keys,
    audit::{domain::AuditEvent, store as audit},
    error::Error,
    revocations::{domain::RevocationWindow, store as revocations},
    sessions::{end_all::end_all, store::end::RevokeReason},
};

/// The account that a command is about, and who gave it.
#[derive(Debug, Clone)]
pub(crate) struct AdminCommand {
    pub(crate) account_id: UserId,
    /// The id of an administrator's account, or `cli`.
    pub(crate) actor: String,
    pub(crate) event: AuditEvent,
    pub(crate) window: RevocationWindow,
}

impl AdminCommand {
    /// Disables an account: its sessions and API keys end, and all its tokens are revoked. A disabled one stays as it is.
    pub(crate) async fn disable(&self, connection: &mut PgConnection) -> Result<Account, Error> {
        let (id, now) = (self.account_id, self.now());
        let Some(account) = store::disable(connection, id, now).await? else {
            return self.get(connection).await;
        };
        if account.role == Role::Admin && !lock_other_admin(connection, id).await? {
            return Err(Error::LastAdmin);
        }
        end_all(connection, id, None, RevokeReason::ByAdmin, now).await?;
        api_keys::end_all(connection, id, now).await?;
        revocations::revoke_account(connection, id, account.epoch, self.window).await?;
        self.record(connection).await?;
        Ok(account)
    }

    /// Enables a disabled account; what ended when it was disabled stays ended. An active one stays as it is.
    pub(crate) async fn enable(&self, connection: &mut PgConnection) -> Result<Account, Error> {
        let enabled = store::enable(connection, self.account_id, self.now());
        let Some(account) = enabled.await? else {
            return self.get(connection).await;
        };
        self.record(connection).await?;
        Ok(account)
    }

    /// Ends every session of an account and revokes their tokens; how many sessions there were. Tokens of its API keys are
    /// revoked too, but unless `with_api_keys` the keys stay live and can be exchanged again.
    pub(crate) async fn end_sessions(
        &self,
        connection: &mut PgConnection,
        with_api_keys: bool,
    ) -> Result<i64, Error> {
        let (id, now) = (self.account_id, self.now());
        // This update comes first, because a session begins under a lock of its account: no session can begin unseen.
        let Some(epoch) = accounts::raise_epoch(connection, id).await? else {
            return Err(Error::AccountNotFound);
        };
        let live = end_all(connection, id, None, RevokeReason::ByAdmin, now).await?;
        if with_api_keys {
            api_keys::end_all(connection, id, now).await?;
        }
        revocations::revoke_account(connection, id, epoch, self.window).await?;
        self.record(connection).await?;
        Ok(live)
    }

    /// Ends one live API key of an account, and revokes its tokens.
    pub(crate) async fn end_api_key(
        &self,
        connection: &mut PgConnection,
        key: ApiKeyId,
    ) -> Result<(), Error> {
        let account = self.get(connection).await?;
        if !api_keys::end_of_account(connection, account.id, key, self.now()).await? {
            return Err(Error::ApiKeyNotFound);
        }
        revocations::revoke_session(connection, key.uuid(), self.window).await?;
        self.record(connection).await
    }

    fn now(&self) -> DateTime<Utc> {
        self.event.time
    }

    async fn get(&self, connection: &mut PgConnection) -> Result<Account, Error> {
        let found = store::find_account(connection, self.account_id).await?;
        found.ok_or(Error::AccountNotFound)
    }

    async fn record(&self, connection: &mut PgConnection) -> Result<(), Error> {
        audit::insert_by(connection, &self.event, self.account_id, &self.actor).await?;
        Ok(())
    }
}
