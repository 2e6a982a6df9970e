//! Sessions: how they begin, continue and end, and what an account can do with its own.

mod admission;
pub(crate) mod device;
pub(crate) mod domain;
pub(crate) mod end_all;
pub(crate) mod grpc;
pub(crate) mod metrics;
mod refresh;
mod refresh_decision;
pub mod refresh_token;
pub(crate) mod sign_in;
pub(crate) mod store;
pub(crate) mod sweep;
pub(crate) mod tokens;

use std::sync::Arc;

use api::ids::SessionId;
use chrono::{DateTime, Utc};
use database::Principal;
use futures_util::FutureExt as _;
use serving::caller::{Call, Caller};

use self::{
    domain::{NewDevice, NewSession, SessionState},
    end_all::end_others,
    metrics::SessionMetrics,
    refresh_token::{RefreshToken, SessionSecret},
    store::{OpenSession, end},
    tokens::{SessionTokens, TokenPair},
};
use crate::{
    accounts::domain::Account,
    audit::domain::{AuditEvent, EventKind, Origin},
    context::{Context, share_of},
    error::Error,
    throttle::Throttle,
};

pub use self::domain::Lifetimes;

/// The use cases of sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    pub(crate) context: Context,
    pub(crate) tokens: Arc<SessionTokens>,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) metrics: Arc<SessionMetrics>,
}

impl Sessions {
    /// When a session that is used now ends if it is not used again.
    pub(crate) fn idle_deadline(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + self.lifetimes.idle
    }

    /// A session that is about to begin, and its first refresh token.
    pub(crate) fn draft(
        &self,
        call: &Call,
        device: NewDevice,
    ) -> Result<(NewSession, RefreshToken), Error> {
        self.tokens.check()?;
        let now = self.context.now();
        let token = RefreshToken::first(SessionId::at(now));
        let absolute_deadline = now + self.lifetimes.absolute;
        let new = NewSession {
            id: token.session_id,
            secret_hash: token.secret.hash(),
            device,
            origin: Origin::from(call),
            now,
            idle_deadline: self.idle_deadline(now).min(absolute_deadline),
            absolute_deadline,
        };
        Ok((new, token))
    }

    /// The first tokens of a session that has begun.
    pub(crate) fn first_pair(
        &self,
        account: &Account,
        new: &NewSession,
        token: &RefreshToken,
    ) -> Result<TokenPair, Error> {
        let session = SessionState {
            session_id: new.id,
            account_id: account.id,
            role: account.role,
            epoch: account.epoch,
            generation: 0,
            rotate_time: new.now,
            idle_deadline: new.idle_deadline,
            absolute_deadline: new.absolute_deadline,
        };
        self.tokens.pair(&session, token, new.now)
    }

    /// The tokens of a session that has just got a new secret.
    pub(crate) fn renewed_pair(
        &self,
        session: &SessionState,
        secret: SessionSecret,
    ) -> Result<TokenPair, Error> {
        let token = RefreshToken {
            session_id: session.session_id,
            generation: session.generation.cast_unsigned(),
            secret,
        };
        self.tokens.pair(session, &token, session.rotate_time)
    }

    /// Ends the session of a refresh token of any generation. A token of another service ends nothing.
    pub(crate) async fn sign_out(&self, call: &Call, token: &str) -> Result<(), Error> {
        let Ok(token) = self.tokens.ring.decode(token) else {
            return Ok(());
        };
        let event = AuditEvent::of(call, EventKind::SignOut, self.context.now());
        let (id, hash) = (token.session_id, token.secret.hash());
        let window = self.context.feed.window(event.time);
        let share = Principal::Credential(id.uuid());
        let ended = self
            .context
            .lanes
            .run(share, call.deadline, move |connection| {
                async move {
                    Ok::<_, Error>(end::sign_out(connection, id, &hash, &event, window).await?)
                }
                .boxed()
            });
        ended.await?;
        self.context.feed.notify_written();
        Ok(())
    }

    /// The caller's live sessions, the newest first.
    pub(crate) async fn list(
        &self,
        caller: Caller,
        call: &Call,
    ) -> Result<Vec<OpenSession>, Error> {
        let now = self.context.now();
        let listed =
            self.context
                .lanes
                .run(share_of(caller.user_id), call.deadline, move |connection| {
                    async move { Ok::<_, Error>(store::list(connection, &caller, now).await?) }
                        .boxed()
                });
        let listed = listed.await?;
        if listed.is_empty() {
            return Err(Error::TokenRevoked);
        }
        Ok(listed)
    }

    /// Ends one of the caller's live sessions.
    pub(crate) async fn revoke(
        &self,
        caller: Caller,
        call: &Call,
        id: SessionId,
    ) -> Result<(), Error> {
        let event = AuditEvent::of(call, EventKind::SessionRevoked, self.context.now());
        let window = self.context.feed.window(event.time);
        let ended =
            self.context
                .lanes
                .run(share_of(caller.user_id), call.deadline, move |connection| {
                    async move {
                        Ok::<_, Error>(end::revoke(connection, &caller, id, &event, window).await?)
                    }
                    .boxed()
                });
        let ended = ended.await?;
        self.context.feed.notify_written();
        match ended {
            ended if !ended.caller_live => Err(Error::TokenRevoked),
            ended if ended.count == 0 => Err(Error::SessionNotFound),
            _ => Ok(()),
        }
    }

    /// Ends the caller's other live sessions; how many of the newest there were.
    pub(crate) async fn revoke_others(&self, caller: Caller, call: &Call) -> Result<i32, Error> {
        let now = self.context.now();
        let event = Arc::new(AuditEvent::of(call, EventKind::OtherSessionsRevoked, now));
        let window = self.context.feed.window(now);
        let ended = self.context.lanes.transaction(
            share_of(caller.user_id),
            call.deadline,
            move |connection| {
                let event = Arc::clone(&event);
                async move { end_others(connection, &caller, &event, window).await }.boxed()
            },
        );
        let ended = ended.await?;
        self.context.feed.notify_written();
        Ok(i32::try_from(ended).unwrap_or(i32::MAX))
    }
}
