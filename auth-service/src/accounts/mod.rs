//! Accounts: how one is made, read, changed and deleted.
//!
//! Passwords are hashed before a transaction begins, never inside one.

pub(crate) mod deletions;
pub(crate) mod domain;
pub(crate) mod email;
pub(crate) mod grpc;
pub(crate) mod metrics;
pub(crate) mod store;

use std::sync::Arc;

use api::ids::{SessionId, UserId};
use futures_util::FutureExt as _;
use serving::caller::{Call, Caller};
use sqlx::PgConnection;

use self::{
    domain::{Account, DisplayName, FIRST_EPOCH, Role},
    email::Email,
    metrics::AccountMetrics,
    store::NewAccount,
};
use crate::{
    audit::{
        domain::{AuditEvent, EventKind},
        store as audit,
    },
    context::{Context, share_of, share_of_address},
    error::Error,
    passwords::{
        domain::{Password, RawPassword},
        hashing::{Hasher, HashingPrincipal},
        reauthentication::Reauthentication,
        store::Credentials,
    },
    revocations::{
        domain::RevocationWindow,
        store::{self as revocations, NO_EPOCH},
    },
    sessions::{
        Sessions,
        domain::{NewDevice, NewSession},
        store::{self as sessions, all},
        tokens::TokenPair,
    },
    throttle::Throttle,
};

/// How often an update is decided when concurrent changes come between its statements.
const MAX_ATTEMPTS: u32 = 5;

/// A request to make an account.
#[derive(Debug)]
pub(crate) struct SignUp {
    pub(crate) email: Email,
    pub(crate) password: Password,
    pub(crate) display_name: DisplayName,
    pub(crate) device: NewDevice,
}

/// A request to change an account.
#[derive(Debug)]
pub(crate) struct AccountUpdate {
    /// `None` when the mask does not name it.
    pub(crate) display_name: Option<DisplayName>,
    /// The revision that the etag expects.
    pub(crate) revision: Option<i64>,
}

/// The use cases of accounts.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) context: Context,
    pub(crate) sessions: Sessions,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) hasher: Hasher,
    pub(crate) reauthentication: Reauthentication,
    pub(crate) metrics: AccountMetrics,
}

impl Accounts {
    /// Makes an account and its first session, and counts how it went.
    pub(crate) async fn sign_up(
        &self,
        call: &Call,
        request: SignUp,
    ) -> Result<(Account, TokenPair), Error> {
        let signed_up = self.create(call, request).await;
        self.metrics.count_sign_up(&signed_up);
        signed_up
    }

    /// Whether the address is taken shows only after the hashing, so that both cases cost the same.
    async fn create(&self, call: &Call, request: SignUp) -> Result<(Account, TokenPair), Error> {
        // A sign-up costs its network as much as a wrong password, so that one network cannot make accounts by the thousand.
        let _kept = self.throttle.take_password_permit(call)?;
        let principal = HashingPrincipal::anyone(request.email.key_hash(), call.peer);
        let hashed = self
            .hasher
            .hash(&request.password, principal, call.deadline);
        let password_hash = hashed.await?;
        let (session, token) = self.sessions.draft(call, request.device)?;
        let account = NewAccount {
            id: UserId::at(session.now),
            email: request.email,
            password_hash,
            display_name: request.display_name,
            role: Role::User,
            now: session.now,
        };
        let event = AuditEvent::of(call, EventKind::SignUp, session.now);
        let work = Arc::new((account, session.clone(), event));
        let lanes = &self.context.lanes;
        let created = lanes.transaction(share_of_address(call), call.deadline, move |connection| {
            let work = Arc::clone(&work);
            async move { insert(connection, &work.0, &work.1, &work.2).await }.boxed()
        });
        let account = created.await?;
        let pair = self.sessions.first_pair(&account, &session, &token)?;
        Ok((account, pair))
    }

    /// The caller's account.
    pub(crate) async fn get(&self, caller: Caller, call: &Call) -> Result<Account, Error> {
        let now = self.context.now();
        let found =
            self.context
                .lanes
                .run(share_of(caller.user_id), call.deadline, move |connection| {
                    async move { Ok::<_, Error>(store::find_own(connection, &caller, now).await?) }
                        .boxed()
                });
        found.await?.ok_or(Error::TokenRevoked)
    }

    /// Changes the caller's account. An update that changes nothing only checks the etag.
    pub(crate) async fn update(
        &self,
        caller: Caller,
        call: &Call,
        update: AccountUpdate,
    ) -> Result<Account, Error> {
        let revision = update.revision;
        for _ in 0..MAX_ATTEMPTS {
            if let Some(name) = update.display_name.clone()
                && let Some(account) = self.rename(caller, call, name, revision).await?
            {
                return Ok(account);
            }
            // Nothing was changed: the update has no new value, or the token or the etag is out of date.
            let account = self.get(caller, call).await?;
            if revision.is_some_and(|revision| revision != account.revision) {
                return Err(Error::EtagMismatch);
            }
            if update.display_name.is_none() {
                return Ok(account);
            }
            // Neither is: a concurrent change decided the statement and is undone since. The update is decided again.
        }
        Err(Error::Conflict)
    }

    async fn rename(
        &self,
        caller: Caller,
        call: &Call,
        name: DisplayName,
        revision: Option<i64>,
    ) -> Result<Option<Account>, Error> {
        let now = self.context.now();
        let updated =
            self.context
                .lanes
                .run(share_of(caller.user_id), call.deadline, move |connection| {
                    async move {
                        Ok(store::update_own(connection, &caller, &name, revision, now).await?)
                    }
                    .boxed()
                });
        updated.await
    }

    /// Deletes the caller's account with its sessions, unless no administrator would be left. Its audit events stay; they
    /// contain no address.
    pub(crate) async fn delete(
        &self,
        caller: Caller,
        call: &Call,
        current: RawPassword,
    ) -> Result<(), Error> {
        let confirmed = self.reauthentication.confirm(caller, call, &current);
        let read = confirmed.await?;
        let event = AuditEvent::of(call, EventKind::AccountDeleted, self.context.now());
        let window = self.context.feed.window(event.time);
        let work = Arc::new((read, event));
        let deleted = self.context.lanes.transaction(
            share_of(caller.user_id),
            call.deadline,
            move |connection| {
                let work = Arc::clone(&work);
                async move { remove(connection, &work.0, caller.session_id, &work.1, window).await }
                    .boxed()
            },
        );
        deleted.await?;
        self.context.feed.notify_written();
        Ok(())
    }
}

/// The transaction of a sign-up.
async fn insert(
    connection: &mut PgConnection,
    new: &NewAccount,
    session: &NewSession,
    event: &AuditEvent,
) -> Result<Account, Error> {
    if !store::insert(connection, new).await? {
        return Err(Error::EmailTaken);
    }
    let account = sessions::open(connection, new.id, FIRST_EPOCH, session).await?;
    audit::insert(connection, event, new.id, Some(session.id)).await?;
    account.ok_or(Error::Conflict)
}

/// The transaction of a deletion.
async fn remove(
    connection: &mut PgConnection,
    read: &Credentials,
    session_id: SessionId,
    event: &AuditEvent,
    window: RevocationWindow,
) -> Result<(), Error> {
    let account_id = read.account_id;
    let role = store::delete(connection, account_id, read.epoch).await?;
    let role = role.ok_or(Error::TokenRevoked)?;
    if role == Role::Admin && !store::lock_other_admin(connection, account_id).await? {
        return Err(Error::LastAdmin);
    }
    all::delete_newest(connection, account_id).await?;
    revocations::revoke_account(connection, account_id, NO_EPOCH, window).await?;
    audit::insert(connection, event, account_id, Some(session_id)).await?;
    Ok(())
}
