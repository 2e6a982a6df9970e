//! Passwords: how one is changed, and how one is checked again before a sensitive operation.

mod common;
pub mod domain;
pub(crate) mod grpc;
pub mod hashing;
pub(crate) mod reauthentication;
pub(crate) mod store;

use std::sync::Arc;

use api::ids::SessionId;
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use serving::caller::{Call, Caller};
use sqlx::PgConnection;

use self::{
    domain::RawPassword,
    hashing::{Hasher, PasswordHash},
    reauthentication::Reauthentication,
    store::Credentials,
};
use crate::{
    api_keys::store as api_keys,
    audit::{
        domain::{AuditEvent, EventKind},
        store as audit,
    },
    context::{Context, share_of},
    error::Error,
    revocations::{domain::RevocationWindow, store as revocations},
    sessions::{
        Sessions,
        domain::SessionState,
        end_all::end_all,
        refresh_token::SessionSecret,
        store::{self as sessions, end::RevokeReason},
        tokens::TokenPair,
    },
};

/// A request to change the password.
#[derive(Debug)]
pub(crate) struct PasswordChange {
    pub(crate) current: RawPassword,
    pub(crate) new: RawPassword,
    pub(crate) revoke_api_keys: bool,
}

/// What a change of password writes.
struct Replacement {
    read: Credentials,
    password_hash: PasswordHash,
    session_id: SessionId,
    secret_hash: [u8; 32],
    idle_deadline: DateTime<Utc>,
    revoke_api_keys: bool,
    event: AuditEvent,
    window: RevocationWindow,
}

/// The use case of passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    pub(crate) context: Context,
    pub(crate) sessions: Sessions,
    pub(crate) hasher: Hasher,
    pub(crate) reauthentication: Reauthentication,
}

impl Passwords {
    /// Sets a new password. Every other session ends, and this one continues with a new secret, so that no token issued
    /// before is valid (ASVS 7.4.3).
    pub(crate) async fn change(
        &self,
        caller: Caller,
        call: &Call,
        change: PasswordChange,
    ) -> Result<TokenPair, Error> {
        self.sessions.tokens.check()?;
        let confirmed = self.reauthentication.confirm(caller, call, &change.current);
        let read = confirmed.await?;
        let parsed = change.new.parse(Some(&read.email));
        let new = parsed.map_err(|problem| Error::field("new_password", problem))?;
        let principal = reauthentication::principal(caller, call);
        let hashed = self.hasher.hash(&new, principal, call.deadline);
        let password_hash = hashed.await?;
        let now = self.context.now();
        let secret = SessionSecret::random();
        let work = Arc::new(Replacement {
            read,
            password_hash,
            session_id: caller.session_id,
            secret_hash: secret.hash(),
            idle_deadline: self.sessions.idle_deadline(now),
            revoke_api_keys: change.revoke_api_keys,
            event: AuditEvent::of(call, EventKind::PasswordChanged, now),
            window: self.context.feed.window(now),
        });
        let replaced = self.context.lanes.transaction(
            share_of(caller.user_id),
            call.deadline,
            move |connection| {
                let work = Arc::clone(&work);
                async move { replace(connection, &work).await }.boxed()
            },
        );
        let session = replaced.await?;
        self.context.feed.notify_written();
        self.sessions.renewed_pair(&session, secret)
    }
}

/// The transaction of a change of password.
async fn replace(connection: &mut PgConnection, work: &Replacement) -> Result<SessionState, Error> {
    let (account_id, session_id, now) = (work.read.account_id, work.session_id, work.event.time);
    if !store::change(connection, &work.read, &work.password_hash, now).await? {
        return Err(Error::TokenRevoked);
    }
    let (hash, deadline) = (&work.secret_hash, work.idle_deadline);
    let renewed = sessions::renew(connection, session_id, hash, now, deadline).await?;
    let renewed = renewed.ok_or(Error::TokenRevoked)?;
    let (except, reason) = (Some(session_id), RevokeReason::PasswordChanged);
    end_all(connection, account_id, except, reason, now).await?;
    let min_epoch = work.read.epoch + 1;
    revocations::revoke_account(connection, account_id, min_epoch, work.window).await?;
    if work.revoke_api_keys {
        api_keys::end_all(connection, account_id, now).await?;
    }
    audit::insert(connection, &work.event, account_id, Some(session_id)).await?;
    Ok(renewed)
}
