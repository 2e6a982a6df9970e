//! Refreshing: one statement when the token is the current one, and a decision about the row when it is not.

use crate::sessions::metrics::Refresh;
use api::ids::SessionId;
use chrono::TimeDelta;
use database::Principal;
use futures_util::FutureExt as _;
use serving::caller::Call;

use super::{
    Sessions,
    domain::{AttemptTag, SessionState},
    refresh_decision::{Decision, decide},
    refresh_token::RefreshToken,
    store::{
        self, Rotation, StoredSession,
        end::{self, RevokeReason},
    },
    tokens::TokenPair,
};
use crate::{
    audit::domain::{AuditEvent, EventKind, Origin},
    error::Error,
};

/// How often a refresh is tried when its token turns out to be current after all.
const MAX_ATTEMPTS: usize = 3;

impl Sessions {
    /// The next pair for a refresh token. A forged token counts against the address, and a token that is not valid any more
    /// counts against the session together with the secret in the token: neither locks out an honest client.
    pub(crate) async fn refresh(
        &self,
        call: &Call,
        token: &str,
        tag: Option<AttemptTag>,
    ) -> Result<TokenPair, Error> {
        let refreshed = self.check_and_refresh(call, token, tag).await;
        self.metrics.count_refresh(&refreshed);
        refreshed.map(|(pair, _outcome)| pair)
    }

    async fn check_and_refresh(
        &self,
        call: &Call,
        token: &str,
        tag: Option<AttemptTag>,
    ) -> Result<(TokenPair, Refresh), Error> {
        let presented = self.open_token(call, token)?;
        let (id, hash) = (presented.session_id.uuid(), presented.secret.hash());
        self.throttle.check_ended(id, &hash)?;
        self.tokens.check()?;
        let refreshed = self.refresh_genuine(call, presented, tag).await;
        if let Err(
            Error::RefreshTokenInvalid
            | Error::RefreshTokenExpired
            | Error::RefreshTokenReused
            | Error::SessionRevoked,
        ) = &refreshed
        {
            self.throttle.count_ended(id, &hash);
        }
        refreshed
    }

    /// Refreshes with a token that this service has issued.
    async fn refresh_genuine(
        &self,
        call: &Call,
        presented: RefreshToken,
        tag: Option<AttemptTag>,
    ) -> Result<(TokenPair, Refresh), Error> {
        let rotation = self.rotation(call, &presented, tag.as_ref())?;
        for _ in 0..MAX_ATTEMPTS {
            if let Some(session) = self.rotate(call, &rotation).await? {
                let next = presented.successor();
                let pair = self.tokens.pair(&session, &next, rotation.now)?;
                return Ok((pair, Refresh::Rotated));
            }
            let row = self.find(call, rotation.session_id).await?;
            let decision = decide(row.as_ref(), &rotation, self.concurrent_window());
            if decision != Decision::Current {
                return self
                    .settle(call, decision, row, &rotation, &presented)
                    .await;
            }
        }
        Err(Error::Conflict)
    }

    /// The content of a refresh token of this service. A forged one is refused without a query.
    fn open_token(&self, call: &Call, token: &str) -> Result<RefreshToken, Error> {
        match self.tokens.ring.decode(token) {
            Ok(token) => Ok(token),
            Err(_malformed_or_forged) => {
                self.throttle.count_forgery(call)?;
                Err(Error::RefreshTokenInvalid)
            }
        }
    }

    fn rotation(
        &self,
        call: &Call,
        presented: &RefreshToken,
        tag: Option<&AttemptTag>,
    ) -> Result<Rotation, Error> {
        let Ok(generation) = i64::try_from(presented.generation) else {
            return Err(Error::RefreshTokenInvalid);
        };
        let now = self.context.now();
        Ok(Rotation {
            session_id: presented.session_id,
            generation,
            secret_hash: presented.secret.hash(),
            attempt_tag: tag.map(AttemptTag::hash),
            origin: Origin::from(call),
            now,
            idle_deadline: self.idle_deadline(now),
        })
    }

    async fn rotate(
        &self,
        call: &Call,
        rotation: &Rotation,
    ) -> Result<Option<SessionState>, Error> {
        let share = share_of_session(rotation.session_id);
        let rotation = rotation.clone();
        let rotated = self
            .context
            .lanes
            .run(share, call.deadline, move |connection| {
                async move { Ok(store::rotate(connection, &rotation).await?) }.boxed()
            });
        rotated.await
    }

    async fn find(&self, call: &Call, id: SessionId) -> Result<Option<StoredSession>, Error> {
        let share = share_of_session(id);
        let found = self
            .context
            .lanes
            .run(share, call.deadline, move |connection| {
                async move { Ok(store::find(connection, id).await?) }.boxed()
            });
        found.await
    }

    /// Does what was decided.
    async fn settle(
        &self,
        call: &Call,
        decision: Decision,
        row: Option<StoredSession>,
        rotation: &Rotation,
        presented: &RefreshToken,
    ) -> Result<(TokenPair, Refresh), Error> {
        match (decision, row) {
            (Decision::Retry, Some(row)) => {
                let pair = self.repeat(&row, rotation, presented)?;
                Ok((pair, Refresh::Retried))
            }
            (Decision::Concurrent, Some(row)) => {
                let pair = self.repeat(&row, rotation, presented)?;
                Ok((pair, Refresh::Concurrent))
            }
            (Decision::Reuse, _) => {
                let (reason, kind) = (RevokeReason::Reused, EventKind::RefreshReused);
                let ended = self.end(call, rotation, reason, kind).await?;
                Err(if ended {
                    Error::RefreshTokenReused
                } else {
                    Error::SessionRevoked
                })
            }
            (Decision::Stale, _) => Err(Error::RefreshTokenStale),
            (Decision::Restored, _) => {
                let (reason, kind) = (RevokeReason::Restored, EventKind::RefreshRestored);
                self.end(call, rotation, reason, kind).await?;
                Err(Error::SessionRevoked)
            }
            (Decision::Revoked, _) => Err(Error::SessionRevoked),
            (Decision::Expired, _) => Err(Error::RefreshTokenExpired),
            (Decision::Current, _) => Err(Error::Conflict),
            (Decision::Invalid | Decision::Retry | Decision::Concurrent, _) => {
                Err(Error::RefreshTokenInvalid)
            }
        }
    }

    /// The pair of the last refresh again.
    fn repeat(
        &self,
        row: &StoredSession,
        rotation: &Rotation,
        presented: &RefreshToken,
    ) -> Result<TokenPair, Error> {
        let session = row.state(rotation.session_id);
        let next = presented.successor();
        self.tokens.pair(&session, &next, rotation.now)
    }

    /// Ends the session of a refresh; false when it had ended before.
    async fn end(
        &self,
        call: &Call,
        rotation: &Rotation,
        reason: RevokeReason,
        kind: EventKind,
    ) -> Result<bool, Error> {
        let id = rotation.session_id;
        let event = AuditEvent::of(call, kind, rotation.now);
        let window = self.context.feed.window(event.time);
        tracing::warn!(session = %id, kind = kind.as_str(), "a refresh token ended its session");
        let share = share_of_session(id);
        let ended = self
            .context
            .lanes
            .run(share, call.deadline, move |connection| {
                async move {
                        Ok::<_, Error>(end::end(connection, id, reason, &event, window).await?)
                    }
                    .boxed()
            });
        let ended = ended.await?;
        self.context.feed.notify_written();
        Ok(ended)
    }

    fn concurrent_window(&self) -> TimeDelta {
        TimeDelta::from_std(self.lifetimes.concurrent_window).expect("the window is at most 30 s")
    }
}

/// Whose share of the lanes a refresh takes: its token is genuine, and the row says whose it is.
fn share_of_session(id: SessionId) -> Principal {
    Principal::Credential(id.uuid())
}
