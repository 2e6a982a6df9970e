//! What operators do with signing keys. No replica has to run; running replicas see the change at their next poll.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use database::Principal;
use futures_util::FutureExt as _;
use sqlx::PgConnection;
use tokio::time::Instant;

use super::{
    SigningKeys,
    store::{self, NewKey, StoredKey},
};
use crate::{
    audit::{domain::AuditEvent, store as audit},
    error::Error,
    revocations::{domain::RevocationWindow, store as revocations},
};

/// Whose share of the lanes signing keys take.
pub(super) const KEYS: Principal = Principal::Internal("keys");

/// A change of the keys, and who makes it.
#[derive(Debug, Clone)]
pub(crate) struct KeyChange {
    pub(crate) event: AuditEvent,
    /// The id of an administrator's account, or `cli`.
    pub(crate) actor: String,
}

/// A rotation that is about to begin.
#[derive(Debug)]
pub(crate) struct KeyRotation {
    new: NewKey,
    change: KeyChange,
    retired_before: DateTime<Utc>,
}

/// The result of killing a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KillResult {
    /// There is no such key, or it was killed before.
    Unknown,
    /// It has ended; it did not sign.
    Idle,
    /// It has ended; this key signs in its place.
    Replaced(String),
}

impl SigningKeys {
    /// The keys that verify tokens, the newest first.
    pub(crate) async fn list(&self, deadline: Instant) -> Result<Vec<StoredKey>, Error> {
        let retired_before = self.retired_before(self.now());
        let listed = self.0.context.lanes.run(KEYS, deadline, move |connection| {
            async move { Ok(store::list(connection, retired_before).await?) }.boxed()
        });
        listed.await
    }

    /// A rotation to be run in a transaction.
    pub(super) fn rotation(&self, change: KeyChange) -> KeyRotation {
        let now = self.now();
        KeyRotation {
            new: self.generate(now),
            change,
            retired_before: self.retired_before(now),
        }
    }

    /// Makes the replica of this process read the keys at once.
    pub(super) fn notify_changed(&self) {
        self.0.changed.notify_one();
    }

    /// Makes a key that signs as soon as the connected verifiers accept it. If there is one already, it returns that one.
    pub(crate) async fn rotate(
        &self,
        change: KeyChange,
        deadline: Instant,
    ) -> Result<StoredKey, Error> {
        let rotation = Arc::new(self.rotation(change));
        let rotated = self
            .0
            .context
            .lanes
            .transaction(KEYS, deadline, move |connection| {
                let rotation = Arc::clone(&rotation);
                async move { rotation.run(connection).await }.boxed()
            });
        let next = rotated.await?;
        self.notify_changed();
        Ok(next)
    }

    /// Ends a key, and every token it has signed, at once. If it was the one that signs, another one takes its place without
    /// waiting for verifiers.
    pub(crate) async fn kill(
        &self,
        kid: String,
        change: KeyChange,
        deadline: Instant,
    ) -> Result<KillResult, Error> {
        let now = self.now();
        let window = self.0.context.feed.window(now);
        let work = Arc::new((kid, self.generate(now), change));
        let killed = self
            .0
            .context
            .lanes
            .transaction(KEYS, deadline, move |connection| {
                let work = Arc::clone(&work);
                async move { kill(connection, &work.0, &work.1, &work.2, window).await }.boxed()
            });
        let result = killed.await?;
        self.0.context.feed.notify_written();
        self.notify_changed();
        Ok(result)
    }
}

impl KeyRotation {
    /// Returns the key that is NEXT afterwards: a new one, or the one that was there.
    pub(super) async fn run(&self, connection: &mut PgConnection) -> Result<StoredKey, Error> {
        if store::insert_next(connection, &self.new, None).await? {
            let KeyChange { event, actor } = &self.change;
            audit::insert_general(connection, event, Some(actor)).await?;
        }
        let keys = store::list(connection, self.retired_before).await?;
        let next = keys.into_iter().find(StoredKey::is_next);
        // The key that was there may have become active between the two statements.
        next.ok_or(Error::Conflict)
    }
}

/// The transaction of a kill.
async fn kill(
    connection: &mut PgConnection,
    kid: &str,
    replacement: &NewKey,
    change: &KeyChange,
    window: RevocationWindow,
) -> Result<KillResult, Error> {
    let Some(was_active) = store::kill(connection, kid, change.event.time).await? else {
        return Ok(KillResult::Unknown);
    };
    revocations::revoke_key(connection, kid, window).await?;
    audit::insert_general(connection, &change.event, Some(&change.actor)).await?;
    if was_active && store::insert_active(connection, replacement).await? {
        return Ok(KillResult::Replaced(replacement.kid.clone()));
    }
    Ok(KillResult::Idle)
}
