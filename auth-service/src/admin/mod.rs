//! Administration of accounts.

mod api_keys;
pub(crate) mod command;
pub(crate) mod gate;
pub(crate) mod grpc;
pub(crate) mod page;
pub(crate) mod store;

use std::sync::Arc;

use api::ids::UserId;
use futures_util::FutureExt as _;
use serving::caller::{Call, Caller};

use self::{
    command::AdminCommand,
    gate::AdminGate,
    page::{Page, PageRequest, Pages},
};
use crate::{
    accounts::{domain::Account, email::Email},
    audit::domain::{AuditEvent, EventKind},
    context::Context,
    error::Error,
};

/// The use cases of administrators that concern accounts.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) context: Context,
    pub(crate) gate: AdminGate,
    pub(crate) pages: Pages,
}

impl Admin {
    /// A page of all accounts, or the account with an address.
    pub(crate) async fn list_accounts(
        &self,
        caller: Caller,
        call: &Call,
        request: PageRequest,
        email: Option<Email>,
    ) -> Result<Page<Account>, Error> {
        let found = self.gate.transaction(caller, call, move |connection| {
            let email = email.clone();
            async move {
                let Some(email) = email else {
                    let (before, limit) = (request.before(), request.limit());
                    return Ok(store::list_accounts(connection, before, limit).await?);
                };
                let found = store::find_account_by_email(connection, &email).await?;
                Ok(found.into_iter().collect())
            }
            .boxed()
        });
        let id = |account: &Account| account.id.uuid();
        Ok(self.pages.page(found.await?, request, id))
    }

    /// Disables an account, which must not be the caller's own.
    pub(crate) async fn disable(
        &self,
        caller: Caller,
        call: &Call,
        id: UserId,
    ) -> Result<Account, Error> {
        let command = self.command(caller, call, id, EventKind::AccountDisabled);
        let disabled = self.gate.transaction(caller, call, move |connection| {
            let command = Arc::clone(&command);
            async move {
                if command.account_id == caller.user_id {
                    return Err(Error::LastAdmin);
                }
                command.disable(connection).await
            }
            .boxed()
        });
        let account = disabled.await?;
        self.context.feed.notify_written();
        Ok(account)
    }

    /// Enables a disabled account.
    pub(crate) async fn enable(
        &self,
        caller: Caller,
        call: &Call,
        id: UserId,
    ) -> Result<Account, Error> {
        let command = self.command(caller, call, id, EventKind::AccountEnabled);
        let enabled = self.gate.transaction(caller, call, move |connection| {
            let command = Arc::clone(&command);
            async move { command.enable(connection).await }.boxed()
        });
        enabled.await
    }

    /// Ends every session of an account, including the caller's own if it is theirs, and its API keys if asked to; how many
    /// sessions there were.
    pub(crate) async fn end_sessions(
        &self,
        caller: Caller,
        call: &Call,
        id: UserId,
        with_api_keys: bool,
    ) -> Result<i32, Error> {
        let command = self.command(caller, call, id, EventKind::AccountSessionsRevoked);
        let ended = self.gate.transaction(caller, call, move |connection| {
            let command = Arc::clone(&command);
            async move { command.end_sessions(connection, with_api_keys).await }.boxed()
        });
        let live = ended.await?;
        self.context.feed.notify_written();
        Ok(i32::try_from(live).unwrap_or(i32::MAX))
    }

    fn command(
        &self,
        caller: Caller,
        call: &Call,
        account_id: UserId,
        kind: EventKind,
    ) -> Arc<AdminCommand> {
        let now = self.context.now();
        Arc::new(AdminCommand {
            account_id,
            actor: caller.user_id.to_string(),
            event: AuditEvent::of(call, kind, now),
            window: self.context.feed.window(now),
        })
    }
}
