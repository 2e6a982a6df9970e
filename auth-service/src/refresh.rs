//! Refreshing: one statement when the token is the current one, and a decision about the row when it is not.

use chrono::TimeDelta;
use futures_util::FutureExt as _;
use shared::{caller::Call, ids::SessionId, metrics::labels::Refresh};

use crate::{
    decision::{Decision, decide},
    domain::AttemptTag,
    error::Error,
    refresh_token::RefreshToken,
    sessions::Sessions,
    store::{
        audit::{Act, Kind, Origin},
        revocation::{self, RevokeReason},
        session::{self, Rotation, Standing, Stored},
    },
    tokens::Pair,
};

/// How often a refresh is tried whose token turned out to be current after all.
const ATTEMPTS: usize = 3;

impl Sessions {
    /// The next pair for a refresh token. What is wrong with it is charged to the address when it is forged, and to its own
    /// session when that has ended: an honest client is kept out by neither.
    pub(crate) async fn refresh(
        &self,
        call: &Call,
        token: &str,
        tag: Option<AttemptTag>,
    ) -> Result<Pair, Error> {
        let refreshed = self.attempt(call, token, tag).await;
        self.meter.refresh(refreshed)
    }

    async fn attempt(
        &self,
        call: &Call,
        token: &str,
        tag: Option<AttemptTag>,
    ) -> Result<(Pair, Refresh), Error> {
        let presented = self.open_token(call, token)?;
        let id = presented.session_id.uuid();
        self.throttle.check_ended(id)?;
        self.mint.check()?;
        let refreshed = self.refresh_genuine(call, presented, tag).await;
        if let Err(
            Error::RefreshTokenInvalid
            | Error::RefreshTokenExpired
            | Error::RefreshTokenReused
            | Error::SessionRevoked,
        ) = &refreshed
        {
            self.throttle.charge_ended(id);
        }
        refreshed
    }

    /// One statement when the token is the current one.
    async fn refresh_genuine(
        &self,
        call: &Call,
        presented: RefreshToken,
        tag: Option<AttemptTag>,
    ) -> Result<(Pair, Refresh), Error> {
        let rotation = self.rotation(call, &presented, tag.as_ref())?;
        for _ in 0..ATTEMPTS {
            if let Some(session) = self.rotate(call, &rotation).await? {
                let pair = self
                    .mint
                    .pair(&session, &presented.successor(), rotation.now)?;
                return Ok((pair, Refresh::Rotated));
            }
            let row = self.find(call, rotation.session_id).await?;
            let decision = decide(row.as_ref(), &rotation, self.window());
            if decision != Decision::Current {
                return self
                    .settle(call, decision, row, &rotation, &presented)
                    .await;
            }
        }
        Err(Error::Conflict)
    }

    /// What a text says, if it is a refresh token of this service; no query is made for a forged one.
    fn open_token(&self, call: &Call, token: &str) -> Result<RefreshToken, Error> {
        match self.mint.ring().decode(token) {
            Ok(token) => Ok(token),
            Err(_malformed_or_forged) => {
                self.throttle.charge_forgery(call)?;
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
        let now = self.now();
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

    async fn rotate(&self, call: &Call, rotation: &Rotation) -> Result<Option<Standing>, Error> {
        let rotation = rotation.clone();
        self.lanes
            .run(call.deadline, move |connection| {
                async move { Ok(session::rotate(connection, &rotation).await?) }.boxed()
            })
            .await
    }

    async fn find(&self, call: &Call, id: SessionId) -> Result<Option<Stored>, Error> {
        self.lanes
            .run(call.deadline, move |connection| {
                async move { Ok(session::find(connection, id).await?) }.boxed()
            })
            .await
    }

    /// Carries a decision out.
    async fn settle(
        &self,
        call: &Call,
        decision: Decision,
        row: Option<Stored>,
        rotation: &Rotation,
        presented: &RefreshToken,
    ) -> Result<(Pair, Refresh), Error> {
        match (decision, row) {
            (Decision::Retry | Decision::Concurrent, Some(row)) => {
                let session = row.standing(rotation.session_id);
                let pair = self
                    .mint
                    .pair(&session, &presented.successor(), rotation.now)?;
                let outcome = if decision == Decision::Retry {
                    Refresh::Retried
                } else {
                    Refresh::Concurrent
                };
                Ok((pair, outcome))
            }
            (Decision::Reuse, _) => {
                let ended = self
                    .end(call, rotation, RevokeReason::Reused, Kind::RefreshReused)
                    .await?;
                Err(if ended {
                    Error::RefreshTokenReused
                } else {
                    Error::SessionRevoked
                })
            }
            (Decision::Restored, _) => {
                self.end(
                    call,
                    rotation,
                    RevokeReason::Restored,
                    Kind::RefreshRestored,
                )
                .await?;
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

    /// Ends the session of a refresh; false when it had ended already.
    async fn end(
        &self,
        call: &Call,
        rotation: &Rotation,
        reason: RevokeReason,
        kind: Kind,
    ) -> Result<bool, Error> {
        let id = rotation.session_id;
        let act = Act::of(call, kind, rotation.now);
        let voiding = self.feed.voiding(act.time);
        tracing::warn!(session = %id, kind = kind.as_str(), "a refresh token ended its session");
        let ended = self
            .lanes
            .run(call.deadline, move |connection| {
                async move {
                    Ok::<_, Error>(revocation::end(connection, id, reason, &act, voiding).await?)
                }
                .boxed()
            })
            .await?;
        self.feed.wake();
        Ok(ended)
    }

    fn window(&self) -> TimeDelta {
        TimeDelta::from_std(self.lifetimes.concurrent_window).expect("the window is at most 30 s")
    }
}
