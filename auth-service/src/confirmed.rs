//! What an account may do only with its password at hand (ASVS 6.2.3): change it, and delete the account.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use shared::{
    caller::{Call, Caller},
    ids::SessionId,
};
use sqlx::PgConnection;

use crate::{
    accounts::{Accounts, RawPassword},
    error::Error,
    password::{Line, PasswordHash},
    refresh_token::SessionSecret,
    store::{
        ADMIN,
        account::{self, Credentials},
        administration,
        audit::{self, Act, Kind},
        feed::{self, Voiding},
        revocation,
        session::{self, Standing},
    },
    tokens::Pair,
};

/// A new password asked for.
#[derive(Debug)]
pub(crate) struct NewPassword {
    pub(crate) current: RawPassword,
    pub(crate) new: RawPassword,
}

/// What a change of password writes.
struct Replacement {
    read: Credentials,
    password_hash: PasswordHash,
    session_id: SessionId,
    secret_hash: [u8; 32],
    idle_deadline: DateTime<Utc>,
    act: Act,
    voiding: Voiding,
}

impl Accounts {
    /// Sets a new password: every other session ends, and this one goes on with a new secret, so that no token issued
    /// before is good for anything (ASVS 7.4.3).
    pub(crate) async fn change_password(
        &self,
        caller: Caller,
        call: &Call,
        wish: NewPassword,
    ) -> Result<Pair, Error> {
        self.sessions.mint.check()?;
        let read = self.confirm(caller, call, &wish.current).await?;
        let new = wish
            .new
            .parse(Some(&read.email))
            .map_err(|problem| Error::field("new_password", problem))?;
        let password_hash = self.hasher.hash(&new, Line::Known, call.deadline).await?;
        let now = self.sessions.now();
        let secret = SessionSecret::random();
        let work = Arc::new(Replacement {
            read,
            password_hash,
            session_id: caller.session_id,
            secret_hash: secret.hash(),
            idle_deadline: self.sessions.idle_deadline(now),
            act: Act::of(call, Kind::PasswordChanged, now),
            voiding: self.sessions.feed.voiding(now),
        });
        let session = self
            .sessions
            .lanes
            .transaction(call.deadline, move |connection| {
                let work = Arc::clone(&work);
                async move { replace_password(connection, &work).await }.boxed()
            })
            .await?;
        self.sessions.feed.wake();
        self.sessions.renewed_pair(&session, secret)
    }

    /// Deletes the caller's account with its sessions, unless no administrator would be left. The audit events stay; they
    /// name no address.
    pub(crate) async fn delete(
        &self,
        caller: Caller,
        call: &Call,
        current: RawPassword,
    ) -> Result<(), Error> {
        let read = self.confirm(caller, call, &current).await?;
        let act = Act::of(call, Kind::AccountDeleted, self.sessions.now());
        let voiding = self.sessions.feed.voiding(act.time);
        let work = Arc::new((read, act));
        self.sessions
            .lanes
            .transaction(call.deadline, move |connection| {
                let work = Arc::clone(&work);
                async move {
                    remove(connection, &work.0, caller.session_id, &work.1, voiding).await
                }
                .boxed()
            })
            .await?;
        self.sessions.feed.wake();
        Ok(())
    }
}

/// The transaction of a change of password.
async fn replace_password(
    connection: &mut PgConnection,
    work: &Replacement,
) -> Result<Standing, Error> {
    let (account_id, session_id, now) = (work.read.account_id, work.session_id, work.act.time);
    if !account::change_password(connection, &work.read, &work.password_hash, now).await? {
        return Err(Error::TokenRevoked);
    }
    feed::revoke_account(connection, account_id, work.read.epoch + 1, work.voiding).await?;
    revocation::end_others(connection, account_id, session_id, now).await?;
    audit::insert(connection, &work.act, account_id, Some(session_id)).await?;
    let renewed = session::renew(
        connection,
        session_id,
        &work.secret_hash,
        now,
        work.idle_deadline,
    )
    .await?;
    renewed.ok_or(Error::TokenRevoked)
}

/// The transaction of a deletion.
async fn remove(
    connection: &mut PgConnection,
    read: &Credentials,
    session_id: SessionId,
    act: &Act,
    voiding: Voiding,
) -> Result<(), Error> {
    let role = account::delete(connection, read).await?;
    let role = role.ok_or(Error::TokenRevoked)?;
    if role == ADMIN && !administration::lock_other_admin(connection, read.account_id).await? {
        return Err(Error::LastAdmin);
    }
    feed::revoke_account(connection, read.account_id, feed::NO_EPOCH, voiding).await?;
    audit::insert(connection, act, read.account_id, Some(session_id)).await?;
    Ok(())
}
