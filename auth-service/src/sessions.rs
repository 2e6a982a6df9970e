//! Use cases of sessions: how they begin and end, and what an account can do to its own.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, SubsecRound as _, Utc};
use futures_util::FutureExt as _;
use shared::{
    caller::{Call, Caller},
    clock::Clock,
    database::Lanes,
    ids::SessionId,
};

use crate::{
    domain::DeviceLabel,
    error::Error,
    feed::Feed,
    meter::Meter,
    refresh_token::{RefreshToken, SessionSecret},
    store::{
        account::Account,
        audit::{Act, Kind, Origin},
        open_session::{self, Listed},
        revocation,
        session::{NewSession, Standing},
    },
    throttle::Throttle,
    tokens::{Mint, Pair},
};

/// How long sessions live.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Without a refresh.
    pub idle: Duration,
    /// In all (ASVS 10.4.8).
    pub absolute: Duration,
    /// After a refresh, how long its token may be presented again by a client that has never declared an attempt tag.
    pub concurrent_window: Duration,
}

/// The sessions of all accounts. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    pub(crate) lanes: Lanes,
    pub(crate) mint: Arc<Mint>,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) feed: Feed,
    clock: Arc<dyn Clock>,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) meter: Arc<Meter>,
}

impl Sessions {
    pub(crate) fn new(
        lanes: Lanes,
        mint: Arc<Mint>,
        throttle: Arc<Throttle>,
        feed: Feed,
        clock: Arc<dyn Clock>,
        lifetimes: Lifetimes,
        meter: Arc<Meter>,
    ) -> Self {
        Self {
            lanes,
            mint,
            throttle,
            feed,
            clock,
            lifetimes,
            meter,
        }
    }

    /// The time, as exact as the database keeps it.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }

    /// When a session that is used now ends if it is not used again.
    pub(crate) fn idle_deadline(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + self.lifetimes.idle
    }

    /// A session about to begin, and its first refresh token.
    pub(crate) fn draft(
        &self,
        call: &Call,
        label: DeviceLabel,
    ) -> Result<(NewSession, RefreshToken), Error> {
        self.mint.check()?;
        let now = self.now();
        let token = RefreshToken::first(SessionId::at(now));
        let absolute_deadline = now + self.lifetimes.absolute;
        let new = NewSession {
            id: token.session_id,
            secret_hash: token.secret.hash(),
            device_label: label,
            origin: Origin::from(call),
            now,
            idle_deadline: self.idle_deadline(now).min(absolute_deadline),
            absolute_deadline,
        };
        Ok((new, token))
    }

    /// The first pair of a session that has begun.
    pub(crate) fn first_pair(
        &self,
        account: &Account,
        new: &NewSession,
        token: &RefreshToken,
    ) -> Result<Pair, Error> {
        let session = Standing {
            session_id: new.id,
            account_id: account.id,
            role: account.role,
            epoch: account.epoch,
            generation: 0,
            rotate_time: new.now,
            idle_deadline: new.idle_deadline,
            absolute_deadline: new.absolute_deadline,
        };
        self.mint.pair(&session, token, new.now)
    }

    /// The pair of a session that has just got a new secret.
    pub(crate) fn renewed_pair(
        &self,
        session: &Standing,
        secret: SessionSecret,
    ) -> Result<Pair, Error> {
        let token = RefreshToken {
            session_id: session.session_id,
            generation: session.generation.cast_unsigned(),
            secret,
        };
        self.mint.pair(session, &token, session.rotate_time)
    }

    /// Ends the session of a refresh token of any generation. One that is not ours ends nothing.
    pub(crate) async fn sign_out(&self, call: &Call, token: &str) -> Result<(), Error> {
        let Ok(token) = self.mint.ring().decode(token) else {
            return Ok(());
        };
        let act = Act::of(call, Kind::SignOut, self.now());
        let (id, secret_hash) = (token.session_id, token.secret.hash());
        let voiding = self.feed.voiding(act.time);
        self.lanes
            .run(call.deadline, move |connection| {
                async move {
                    Ok::<_, Error>(
                        revocation::sign_out(connection, id, &secret_hash, &act, voiding).await?,
                    )
                }
                .boxed()
            })
            .await?;
        self.feed.wake();
        Ok(())
    }

    /// The caller's open sessions, the newest first.
    pub(crate) async fn list(&self, caller: Caller, call: &Call) -> Result<Vec<Listed>, Error> {
        let now = self.now();
        let listed = self
            .lanes
            .run(call.deadline, move |connection| {
                async move { Ok::<_, Error>(open_session::list(connection, &caller, now).await?) }
                    .boxed()
            })
            .await?;
        if listed.is_empty() {
            return Err(Error::TokenRevoked);
        }
        Ok(listed)
    }

    /// Ends one of the caller's open sessions.
    pub(crate) async fn revoke(
        &self,
        caller: Caller,
        call: &Call,
        id: SessionId,
    ) -> Result<(), Error> {
        let act = Act::of(call, Kind::SessionRevoked, self.now());
        let voiding = self.feed.voiding(act.time);
        let ended = self
            .lanes
            .run(call.deadline, move |connection| {
                async move {
                    Ok::<_, Error>(
                        revocation::revoke(connection, &caller, id, &act, voiding).await?,
                    )
                }
                .boxed()
            })
            .await?;
        self.feed.wake();
        match ended {
            ended if !ended.caller_live => Err(Error::TokenRevoked),
            ended if ended.count == 0 => Err(Error::SessionNotFound),
            _ => Ok(()),
        }
    }

    /// Ends the caller's other open sessions; how many they were.
    pub(crate) async fn revoke_others(&self, caller: Caller, call: &Call) -> Result<i32, Error> {
        let act = Arc::new(Act::of(call, Kind::OtherSessionsRevoked, self.now()));
        let voiding = self.feed.voiding(act.time);
        // A transaction, though one statement: two of them lock the same rows in either order, and one is called again.
        let ended = self
            .lanes
            .transaction(call.deadline, move |connection| {
                let act = Arc::clone(&act);
                async move {
                    Ok::<_, Error>(
                        revocation::revoke_others(connection, &caller, &act, voiding).await?,
                    )
                }
                .boxed()
            })
            .await?;
        self.feed.wake();
        if !ended.caller_live {
            return Err(Error::TokenRevoked);
        }
        Ok(i32::try_from(ended.count).unwrap_or(i32::MAX))
    }
}
