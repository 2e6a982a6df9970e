//! Keeps what one process signs and verifies with in step with the database, and drives keys through their lives: any
//! replica may, since each step is one conditional statement.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{FutureExt as _, future::BoxFuture};
use shared::{
    database,
    ids::uuid_at,
    token::{KeySet, PublicKey, Verifier},
};
use sqlx::PgConnection;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Current, SigningKeys, public};
use crate::{
    signing::sealing::OpenError,
    store::{
        audit::{self, Act, Kind},
        signing_key::{self, NewKey, StoredKey},
    },
};

/// How long one statement may wait and take.
const LIMIT: Duration = Duration::from_secs(5);
/// Looks in a row when each finds something to do: a first key, a new one, its activation.
const MOST_STEPS: usize = 4;
/// How often a replica says that it is alive.
const SIGN_OF_LIFE: TimeDelta = TimeDelta::seconds(10);
/// A replica that has been silent for this long is gone: its verifiers have long stopped trusting what they hold.
const GONE: TimeDelta = TimeDelta::seconds(30);

/// Why a look has failed.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error("the signing keys could not be read")]
    Database(#[from] database::Error),
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// One process among those that sign.
pub(crate) struct Replica {
    id: Uuid,
    keys: SigningKeys,
    verifier: Verifier,
    loaded: watch::Sender<bool>,
    /// When this replica last said that it is alive, and which NEXT key it had acknowledged.
    attended: Option<(DateTime<Utc>, Option<String>)>,
    /// The failure told last: each is told once.
    told: Option<String>,
}

impl Replica {
    /// A replica that keeps `keys` and the keys of `verifier`, and tells `loaded` whether there is a key to sign with.
    pub(crate) fn new(keys: SigningKeys, verifier: Verifier, loaded: watch::Sender<bool>) -> Self {
        Self {
            id: uuid_at(keys.now()),
            keys,
            verifier,
            loaded,
            attended: None,
            told: None,
        }
    }

    /// Runs until `stop`; ends with an error when the first key found cannot be opened, which only another configuration
    /// mends. Later on a key that cannot be opened makes the service not ready.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), OpenError> {
        let mut started = false;
        loop {
            match self.look().await {
                Ok(()) => {
                    started = true;
                    self.told = None;
                }
                Err(LookError::Open(error)) if !started => return Err(error),
                Err(error) => self.tell(&error),
            }
            self.loaded.send_if_modified(|loaded| {
                let signs = self.keys.signer().is_ok();
                std::mem::replace(loaded, signs) != signs
            });
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.keys.0.wake.notified() => {}
                () = self.keys.0.feed.subscribers().changed() => {}
                () = tokio::time::sleep(self.keys.0.schedule.poll) => {}
            }
        }
        let id = self.id;
        let left = self.on_lane(move |connection| signing_key::leave(connection, id).boxed());
        if let Err(error) = left.await {
            tracing::debug!(%error, "this replica will be missed for a while");
        }
        Ok(())
    }

    fn tell(&mut self, error: &LookError) {
        let text = error.to_string();
        if self.told.as_ref() != Some(&text) {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(error = text, cause, "the signing keys are not up to date");
            self.told = Some(text);
        }
    }

    /// Takes over what the database says, does what is due, and looks again if that changed anything.
    async fn look(&mut self) -> Result<(), LookError> {
        for _ in 0..MOST_STEPS {
            let (as_of, now) = (Instant::now(), self.keys.now());
            // Before the keys are read: what is activated later than that waits for this replica.
            self.say_alive(now).await?;
            let retired_before = self.keys.retired_before(now);
            let keys = self
                .on_lane(move |connection| signing_key::list(connection, retired_before).boxed())
                .await?;
            self.adopt(&keys, as_of)?;
            if !self.step(&keys, now).await? {
                break;
            }
        }
        Ok(())
    }

    /// Verifies, publishes and signs with these keys, in this order.
    fn adopt(&self, keys: &[StoredKey], as_of: Instant) -> Result<(), OpenError> {
        self.publish(keys.iter().map(public).collect());
        let current = &self.keys.0.current;
        let Some(active) = keys.iter().find(|key| key.is_active()) else {
            current.store(None);
            return Ok(());
        };
        let held = current.load_full();
        let signer = match held.filter(|held| held.signer.kid() == active.kid) {
            Some(held) => Arc::clone(&held.signer),
            None => Arc::new(
                self.keys
                    .open(active)
                    .inspect_err(|_unopened| current.store(None))?,
            ),
        };
        current.store(Some(Arc::new(Current { signer, as_of })));
        Ok(())
    }

    fn publish(&self, keys: Vec<PublicKey>) {
        if **self.keys.0.published.load() == keys {
            return;
        }
        self.verifier.set_keys(KeySet::new(keys.iter().cloned()));
        self.keys.0.feed.set_keys(keys.clone());
        self.keys.0.published.store(Arc::new(keys));
    }

    /// Does the one thing that is due; whether the keys have changed.
    async fn step(
        &mut self,
        keys: &[StoredKey],
        now: DateTime<Utc>,
    ) -> Result<bool, database::Error> {
        let Some(active) = keys.iter().find(|key| key.is_active()) else {
            let new = self.keys.make(now);
            tracing::info!(kid = new.kid, "there is no signing key: making one");
            self.on_lane(move |connection| {
                async move { signing_key::insert_active(connection, &new).await }.boxed()
            })
            .await?;
            // If another replica was faster, there is one all the same.
            return Ok(true);
        };
        if let Some(next) = keys.iter().find(|key| key.is_next()) {
            return self.advance(next, now).await;
        }
        let rotate_every = self.keys.0.schedule.rotate_every;
        let due = now - rotate_every;
        if rotate_every.is_zero() || active.activate_time.is_none_or(|began| began > due) {
            return Ok(false);
        }
        let work = Arc::new((
            self.keys.make(now),
            Act::without_call(Kind::SigningKeyRotated, now),
        ));
        self.keys
            .0
            .lanes
            .transaction(Instant::now() + LIMIT, move |connection| {
                let work = Arc::clone(&work);
                async move { rotate(connection, &work.0, due, &work.1).await }.boxed()
            })
            .await
    }

    /// Brings a NEXT key on its way; whether it has become active.
    async fn advance(
        &mut self,
        next: &StoredKey,
        now: DateTime<Utc>,
    ) -> Result<bool, database::Error> {
        let kid = next.kid.clone();
        if next.publish_time.is_none() {
            let kid = kid.clone();
            self.on_lane(move |connection| {
                async move { signing_key::publish(connection, &kid, now).await }.boxed()
            })
            .await?;
        }
        match self.keys.open(next) {
            Ok(_) if self.has_attended(&kid) || !self.accepted(&kid) => {}
            Ok(_) => self.attend(now, Some(kid.clone())).await?,
            // Other replicas can sign with it, this one could not: it holds the key up, so that somebody notices.
            Err(error) => tracing::warn!(%error, "a new signing key is not acknowledged"),
        }
        let published_before = now - self.keys.0.schedule.acknowledge_within;
        let log = kid.clone();
        let activated = self
            .on_lane(move |connection| {
                async move {
                    signing_key::activate(connection, &kid, now, published_before, now - GONE).await
                }
                .boxed()
            })
            .await?;
        if activated {
            tracing::info!(kid = log, "a new key signs");
        }
        Ok(activated)
    }

    async fn say_alive(&mut self, now: DateTime<Utc>) -> Result<(), database::Error> {
        let acknowledged = match &self.attended {
            Some((last, _)) if (now - *last).abs() < SIGN_OF_LIFE => return Ok(()),
            Some((_, acknowledged)) => acknowledged.clone(),
            None => None,
        };
        self.attend(now, acknowledged).await?;
        self.on_lane(move |connection| signing_key::forget(connection, now - GONE).boxed())
            .await
    }

    /// Whether all verifiers connected to this replica accept the key.
    fn accepted(&self, kid: &str) -> bool {
        self.keys.0.feed.subscribers().all_acknowledged(kid)
    }

    /// Whether the database knows that this replica has acknowledged the key.
    fn has_attended(&self, kid: &str) -> bool {
        let attended = self.attended.as_ref();
        attended.is_some_and(|(_, acknowledged)| acknowledged.as_deref() == Some(kid))
    }

    async fn attend(
        &mut self,
        now: DateTime<Utc>,
        acknowledged: Option<String>,
    ) -> Result<(), database::Error> {
        let (id, kid) = (self.id, acknowledged.clone());
        self.on_lane(move |connection| {
            async move { signing_key::attend(connection, id, kid.as_deref(), now).await }.boxed()
        })
        .await?;
        self.attended = Some((now, acknowledged));
        Ok(())
    }

    async fn on_lane<T, W>(&self, work: W) -> Result<T, database::Error>
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, database::Error>>
            + Send
            + 'static,
        T: Send + 'static,
    {
        self.keys.0.lanes.run(Instant::now() + LIMIT, work).await
    }
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The transaction of a scheduled rotation.
async fn rotate(
    connection: &mut PgConnection,
    new: &NewKey,
    due: DateTime<Utc>,
    act: &Act,
) -> Result<bool, database::Error> {
    let inserted = signing_key::insert_next(connection, new, Some(due)).await?;
    if inserted {
        audit::insert_general(connection, act, None).await?;
    }
    Ok(inserted)
}
