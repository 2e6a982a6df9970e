//! What operators do with signing keys. None of it needs a running replica: those that run see it at their next poll.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use sqlx::PgConnection;
use tokio::time::Instant;

use super::SigningKeys;
use crate::{
    error::Error,
    store::{
        audit::{self, Act},
        feed::{self, Voiding},
        signing_key::{self, NewKey, StoredKey},
    },
};

/// What an operator does, and who it is: an administrator's account id, or `cli`.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) act: Act,
    pub(crate) actor: String,
}

/// A new key about to be made.
#[derive(Debug)]
pub(crate) struct Rotation {
    new: NewKey,
    order: Order,
    retired_before: DateTime<Utc>,
}

/// What became of the wish to kill a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Killed {
    /// There is no such key, or it was killed before.
    Unknown,
    /// It is over, and did not sign.
    Idle,
    /// It is over; this key signs in its place.
    Replaced(String),
}

impl SigningKeys {
    /// Keys retired then or earlier verify no token any more.
    pub(crate) fn horizon(&self) -> DateTime<Utc> {
        self.retired_before(self.now())
    }

    /// The keys that a token can refer to, the newest first.
    pub(crate) async fn list(&self, deadline: Instant) -> Result<Vec<StoredKey>, Error> {
        let retired_before = self.horizon();
        self.0
            .lanes
            .run(deadline, move |connection| {
                async move { Ok(signing_key::list(connection, retired_before).await?) }.boxed()
            })
            .await
    }

    /// What makes a key that signs as soon as verifiers accept it, once carried out in a transaction.
    pub(crate) fn rotation(&self, order: Order) -> Rotation {
        let now = self.now();
        Rotation {
            new: self.make(now),
            order,
            retired_before: self.retired_before(now),
        }
    }

    /// Makes the replica of this process look at once.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Makes a key that signs as soon as verifiers accept it. While there is one already, it is that one.
    pub(crate) async fn rotate(&self, order: Order, deadline: Instant) -> Result<StoredKey, Error> {
        let rotation = Arc::new(self.rotation(order));
        let next = self
            .0
            .lanes
            .transaction(deadline, move |connection| {
                let rotation = Arc::clone(&rotation);
                async move { rotation.carry_out(connection).await }.boxed()
            })
            .await?;
        self.wake();
        Ok(next)
    }

    /// Ends a key, and every token it has signed, at once. If it signs, another one takes its place without waiting for
    /// any verifier.
    pub(crate) async fn kill(
        &self,
        kid: String,
        order: Order,
        deadline: Instant,
    ) -> Result<Killed, Error> {
        let now = self.now();
        let voiding = self.0.feed.voiding(now);
        let work = Arc::new((kid, self.make(now), order));
        let killed = self
            .0
            .lanes
            .transaction(deadline, move |connection| {
                let work = Arc::clone(&work);
                async move { kill(connection, &work.0, &work.1, &work.2, voiding).await }.boxed()
            })
            .await?;
        self.0.feed.wake();
        self.wake();
        Ok(killed)
    }
}

impl Rotation {
    /// The key that is NEXT after it: a new one, or the one that was there.
    pub(crate) async fn carry_out(
        &self,
        connection: &mut PgConnection,
    ) -> Result<StoredKey, Error> {
        if signing_key::insert_next(connection, &self.new, None).await? {
            let Order { act, actor } = &self.order;
            audit::insert_general(connection, act, Some(actor)).await?;
        }
        let keys = signing_key::list(connection, self.retired_before).await?;
        let next = keys.into_iter().find(StoredKey::is_next);
        // The one that was there may have become active between the two statements.
        next.ok_or(Error::Conflict)
    }
}

/// The transaction of a kill.
async fn kill(
    connection: &mut PgConnection,
    kid: &str,
    replacement: &NewKey,
    order: &Order,
    voiding: Voiding,
) -> Result<Killed, Error> {
    let Some(was_active) = signing_key::kill(connection, kid, order.act.time).await? else {
        return Ok(Killed::Unknown);
    };
    feed::revoke_key(connection, kid, voiding).await?;
    audit::insert_general(connection, &order.act, Some(&order.actor)).await?;
    if was_active && signing_key::insert_active(connection, replacement).await? {
        return Ok(Killed::Replaced(replacement.kid.clone()));
    }
    Ok(Killed::Idle)
}
