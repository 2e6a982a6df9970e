//! Signing in. Unknown, disabled and known accounts take the same path: one read, one verification of the same cost, one
//! answer (ASVS 6.3.8).

use std::sync::Arc;

use futures_util::FutureExt as _;
use shared::{caller::Call, ids::SessionId};
use sqlx::PgConnection;

use crate::{
    accounts::{Accounts, RawPassword},
    admission::Admitted,
    domain::{DeviceLabel, Email, PresentedPassword},
    error::Error,
    password::{Line, PasswordHash},
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
    /// The session that the device showed a token of, which may be anyone's.
    pub(crate) device: Option<SessionId>,
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
        let Admitted {
            credentials,
            debtor,
            line,
            charge,
        } = self.admit(call, &wish).await?;
        let presented = wish.password.presented();
        let stored = credentials.as_ref().map(|read| read.password_hash.clone());
        let verdict = self
            .hasher
            .verify(presented.clone(), stored, line, call.deadline)
            .await?;
        match credentials {
            Some(read) if verdict.matches && read.active() => {
                if let Some(charge) = charge {
                    charge.give_back();
                }
                let rehashed = if verdict.outdated {
                    self.rehash(call, presented, line).await
                } else {
                    None
                };
                self.open(call, read, rehashed, wish.device_label).await
            }
            refused => {
                let act = Act::of(call, Kind::SignInFailed, self.sessions.now());
                let record = refused.map(|read| (act, read.account_id));
                self.fail(debtor, record).await?;
                Err(Error::CredentialsInvalid)
            }
        }
    }

    /// The hash of a right password with the settings of today. A full queue must not keep anyone out: then the old hash
    /// stays.
    async fn rehash(
        &self,
        call: &Call,
        matched: PresentedPassword,
        line: Line,
    ) -> Option<PasswordHash> {
        match self.hasher.rehash(matched, line, call.deadline).await {
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
