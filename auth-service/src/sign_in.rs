//! Signing in. Unknown, disabled and known accounts take the same path: one read, one verification of the same cost, one
//! answer (ASVS 6.3.8).

use std::sync::Arc;

use futures_util::FutureExt as _;
use shared::caller::Call;
use sqlx::PgConnection;

use crate::{
    accounts::{Accounts, RawPassword},
    domain::{DeviceLabel, Email},
    error::Error,
    password::PasswordHash,
    store::{
        account::{self, Account, Credentials},
        audit::{self, Act, Kind},
        session::{self, NewSession},
    },
    tokens::Pair,
};

/// A new session asked for.
#[derive(Debug)]
pub(crate) struct SignIn {
    pub(crate) email: Email,
    pub(crate) password: RawPassword,
    pub(crate) device_label: DeviceLabel,
}

/// What a sign-in writes.
struct Opening {
    read: Credentials,
    rehashed: Option<PasswordHash>,
    session: NewSession,
    act: Act,
}

impl Accounts {
    /// Begins a session of the account with this address and password.
    pub(crate) async fn sign_in(
        &self,
        call: &Call,
        wish: SignIn,
    ) -> Result<(Account, Pair), Error> {
        let found = self.find_credentials(call, &wish.email).await?;
        let stored = found.as_ref().map(|found| found.password_hash.clone());
        let verdict = self
            .hasher
            .verify(wish.password.presented(), stored, call.deadline)
            .await?;
        match found {
            Some(read) if verdict.matches && read.active() => {
                let rehashed = if verdict.outdated {
                    self.rehash(call, &wish.password).await
                } else {
                    None
                };
                self.open(call, read, rehashed, wish.device_label).await
            }
            refused => {
                self.record_failure(call, refused);
                Err(Error::CredentialsInvalid)
            }
        }
    }

    async fn find_credentials(
        &self,
        call: &Call,
        email: &Email,
    ) -> Result<Option<Credentials>, Error> {
        let email_hash = email.key_hash();
        self.sessions
            .lanes
            .run(call.deadline, move |connection| {
                async move { Ok(account::find_credentials(connection, &email_hash).await?) }.boxed()
            })
            .await
    }

    /// The hash of a right password with the settings of today. A full queue, or a password that today's rules refuse,
    /// must not keep anyone out: then the old hash stays.
    async fn rehash(&self, call: &Call, password: &RawPassword) -> Option<PasswordHash> {
        let password = password.parse(None).ok()?;
        match self.hasher.hash(&password, call.deadline).await {
            Ok(hash) => Some(hash),
            Err(error) => {
                tracing::debug!(%error, "a password keeps its outdated hash for now");
                None
            }
        }
    }

    /// Begins a session for someone who has shown the password.
    async fn open(
        &self,
        call: &Call,
        read: Credentials,
        rehashed: Option<PasswordHash>,
        label: DeviceLabel,
    ) -> Result<(Account, Pair), Error> {
        let (session, token) = self.sessions.draft(call, label)?;
        let act = Act::of(call, Kind::SignIn, session.now);
        let work = Arc::new(Opening {
            read,
            rehashed,
            session: session.clone(),
            act,
        });
        let account = self
            .sessions
            .lanes
            .transaction(call.deadline, move |connection| {
                let work = Arc::clone(&work);
                async move { open(connection, &work).await }.boxed()
            })
            .await?;
        let pair = self.sessions.first_pair(&account, &session, &token)?;
        Ok((account, pair))
    }

    /// Records a failed sign-in of an account that exists. The call does not wait for it: the time of the answer would
    /// tell whether there was something to record.
    fn record_failure(&self, call: &Call, refused: Option<Credentials>) {
        let Some(read) = refused else { return };
        let act = Act::of(call, Kind::SignInFailed, self.sessions.now());
        let (lanes, deadline) = (self.sessions.lanes.clone(), call.deadline);
        self.records.spawn(async move {
            let recorded = lanes.run(deadline, move |connection| {
                async move { audit::insert(connection, &act, read.account_id, None).await }.boxed()
            });
            if let Err(error) = recorded.await {
                tracing::error!(%error, account = %read.account_id, "a failed sign-in was not recorded");
            }
        });
    }
}

/// The transaction of a sign-in.
async fn open(connection: &mut PgConnection, work: &Opening) -> Result<Account, Error> {
    let Opening {
        read,
        rehashed,
        session,
        act,
    } = work;
    // First, since it takes the stronger lock: two sign-ins that both wanted it later would deadlock.
    if let Some(hash) = rehashed {
        account::rehash(connection, read, hash).await?;
    }
    let opened = session::open(connection, read.account_id, read.epoch, session).await?;
    let account = opened.ok_or(Error::CredentialsInvalid)?;
    audit::insert(connection, act, account.id, Some(session.id)).await?;
    Ok(account)
}
