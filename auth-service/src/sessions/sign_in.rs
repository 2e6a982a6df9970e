//! Signing in. Unknown, disabled and active accounts take the same path: one read, one verification of the same cost, one
//! answer (ASVS 6.3.8).

use std::sync::Arc;

use futures_util::FutureExt as _;
use serving::caller::Call;
use sqlx::PgConnection;
use tokio_util::task::TaskTracker;
use verifier::Verifier;

use super::{
    Sessions,
    admission::Admitted,
    device::ShownToken,
    domain::{NewDevice, NewSession},
    store::{self, room},
    tokens::TokenPair,
};
use crate::{
    accounts::{
        domain::{Account, AccountState},
        email::Email,
    },
    audit::{
        domain::{AuditEvent, EventKind},
        store as audit,
    },
    context::{Context, share_of},
    error::Error,
    passwords::{
        domain::{PresentedPassword, RawPassword},
        hashing::{Hasher, HashingPrincipal, PasswordHash},
        store::{self as passwords, Credentials},
    },
    revocations::domain::RevocationWindow,
    throttle::Throttle,
};

/// A request to begin a session.
#[derive(Debug)]
pub(crate) struct SignInRequest {
    pub(crate) email: Email,
    pub(crate) password: RawPassword,
    pub(crate) client: NewDevice,
    /// The token that the device showed. Its session may belong to another account.
    pub(crate) device: Option<ShownToken>,
}

/// What a sign-in writes.
struct Opening {
    read: Credentials,
    new_hash: Option<PasswordHash>,
    session: NewSession,
    event: AuditEvent,
    /// Recorded if another session ends, because there are this many.
    displaced: AuditEvent,
    max_sessions: u32,
    window: RevocationWindow,
}

/// The use case of signing in.
#[derive(Debug)]
pub(crate) struct SignIn {
    pub(crate) context: Context,
    pub(crate) sessions: Sessions,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) hasher: Hasher,
    pub(crate) verifier: Verifier,
    /// Tasks that end before the service does.
    pub(crate) records: TaskTracker,
}

impl SignIn {
    /// Begins a session of the account with this address and password, and counts how it went.
    pub(crate) async fn sign_in(
        &self,
        call: &Call,
        request: SignInRequest,
    ) -> Result<(Account, TokenPair), Error> {
        let signed_in = self.check_and_open(call, request).await;
        self.sessions.metrics.count_sign_in(&signed_in);
        signed_in
    }

    async fn check_and_open(
        &self,
        call: &Call,
        request: SignInRequest,
    ) -> Result<(Account, TokenPair), Error> {
        let Admitted {
            credentials,
            key,
            principal,
            permit,
        } = self.admit(call, &request).await?;
        let presented = request.password.presented();
        let stored = credentials.as_ref().map(|read| read.password_hash.clone());
        let verified = self
            .hasher
            .verify(presented.clone(), stored, principal, call.deadline);
        let verdict = verified.await?;
        match credentials {
            Some(read) if verdict.matches && read.state == AccountState::Active => {
                if let Some(permit) = permit {
                    permit.give_back();
                }
                self.throttle.count_confirmed(principal.account_key());
                let new_hash = if verdict.outdated {
                    self.rehash(call, presented, principal).await
                } else {
                    None
                };
                self.open(call, read, new_hash, request.client).await
            }
            refused => {
                let event = AuditEvent::of(call, EventKind::SignInFailed, self.context.now());
                let record = refused.map(|read| (event, read.account_id));
                self.record_failure(key, record).await?;
                Err(Error::CredentialsInvalid)
            }
        }
    }

    /// The hash of a right password with the current settings. If the queue is full, the old hash stays, because that must
    /// not refuse the sign-in.
    async fn rehash(
        &self,
        call: &Call,
        matched: PresentedPassword,
        principal: HashingPrincipal,
    ) -> Option<PasswordHash> {
        match self.hasher.rehash(matched, principal, call.deadline).await {
            Ok(hash) => Some(hash),
            Err(error) => {
                tracing::debug!(%error, "the outdated hash of a password was not replaced");
                None
            }
        }
    }

    /// Begins a session for a client that gave the right password.
    async fn open(
        &self,
        call: &Call,
        read: Credentials,
        new_hash: Option<PasswordHash>,
        client: NewDevice,
    ) -> Result<(Account, TokenPair), Error> {
        let (session, token) = self.sessions.draft(call, client)?;
        let event = |kind| AuditEvent::of(call, kind, session.now);
        let work = Arc::new(Opening {
            read,
            new_hash,
            session: session.clone(),
            event: event(EventKind::SignIn),
            displaced: event(EventKind::SessionDisplaced),
            max_sessions: self.sessions.lifetimes.max_sessions,
            window: self.context.feed.window(session.now),
        });
        let opened = self.context.lanes.transaction(
            share_of(work.read.account_id),
            call.deadline,
            move |connection| {
                let work = Arc::clone(&work);
                async move { open(connection, &work).await }.boxed()
            },
        );
        let (account, displaced) = opened.await?;
        if displaced {
            self.context.feed.notify_written();
        }
        let pair = self.sessions.first_pair(&account, &session, &token)?;
        Ok((account, pair))
    }
}

/// The transaction of a sign-in; the account, and whether another session ended.
async fn open(connection: &mut PgConnection, work: &Opening) -> Result<(Account, bool), Error> {
    let Opening {
        read,
        new_hash,
        session,
        event,
        displaced,
        max_sessions,
        window,
    } = work;
    // This update comes first because it takes the stronger lock. If it came later, two sign-ins could deadlock.
    if let Some(hash) = new_hash {
        passwords::rehash(connection, read, hash).await?;
    }
    let opened = store::open(connection, read.account_id, read.epoch, session).await?;
    let account = opened.ok_or(Error::CredentialsInvalid)?;
    audit::insert(connection, event, account.id, Some(session.id)).await?;
    let (id, max) = (session.id, *max_sessions);
    let ended = room::make_room(connection, account.id, id, max, displaced, *window).await?;
    Ok((account, ended))
}
