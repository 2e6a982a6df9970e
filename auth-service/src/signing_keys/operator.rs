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
    /// The keys that a token can refer to, the newest first.
    pub(crate) async fn list(&self, deadline: Instant) -> Result<Vec<StoredKey>, Error> {
        let retired_before = self.retired_before(self.now());
        self.0
            .lanes
            .run(deadline, move |connection| {
                async move { Ok(signing_key::list(connection, retired_before).await?) }.boxed()
            })
            .await
    }

    /// Makes a key that signs as soon as verifiers accept it. While there is one already, it is that one.
    pub(crate) async fn rotate(&self, order: Order, deadline: Instant) -> Result<StoredKey, Error> {
        let now = self.now();
        let retired_before = self.retired_before(now);
        let work = Arc::new((self.make(now), order));
        let next = self
            .0
            .lanes
            .transaction(deadline, move |connection| {
                let work = Arc::clone(&work);
                async move { next(connection, &work.0, &work.1, retired_before).await }.boxed()
            })
            .await?;
        self.0.wake.notify_one();
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
        self.0.wake.notify_one();
        Ok(killed)
    }
}

/// The transaction of a rotation: the key that is NEXT after it.
async fn next(
    connection: &mut PgConnection,
    new: &NewKey,
    order: &Order,
    retired_before: DateTime<Utc>,
) -> Result<StoredKey, Error> {
    if signing_key::insert_next(connection, new, None).await? {
        audit::insert_general(connection, &order.act, Some(&order.actor)).await?;
    }
    let keys = signing_key::list(connection, retired_before).await?;
    let next = keys.into_iter().find(StoredKey::is_next);
    // The one that was there may have become active between the two statements.
    next.ok_or(Error::Conflict)
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
