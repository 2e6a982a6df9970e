//! Keeps the keys of one process up to date with the database, and moves keys through their states. Any replica may do so,
//! because each step is one conditional statement.

use std::{sync::Arc, time::Duration};

use api::ids::uuid_at;
use chrono::{DateTime, Utc};
use database;
use futures_util::{FutureExt as _, future::BoxFuture};
use sqlx::PgConnection;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use verifier::{KeySet, PublicKey, Verifier};

use super::{
    ActiveKey, SigningKeys,
    changes::KEYS,
    public_key,
    replica_report::{REPLICA_TIMEOUT, Report},
    sealing::OpenError,
    store::{self, NewKey, StoredKey},
};
use crate::audit::{
    domain::{AuditEvent, EventKind},
    store as audit,
};

/// Longest time of one statement, waiting included.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// Most reads in a row when each one leads to a change: a first key, a new one, its activation.
const MAX_STEPS: usize = 4;
/// Why the keys are not up to date.
#[derive(Debug, thiserror::Error)]
enum UpdateError {
    #[error("the signing keys could not be read")]
    Database(#[from] database::Error),
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// One process among those that sign.
pub(crate) struct Replica {
    pub(super) id: Uuid,
    pub(super) keys: SigningKeys,
    verifier: Verifier,
    ready: watch::Sender<bool>,
    pub(super) last_report: Option<Report>,
    /// When this replica last raised the life of the tokens of the active key.
    pub(super) raised: Option<Instant>,
    /// The last failure that was logged, so that each is logged once.
    logged: Option<String>,
}

impl Replica {
    /// A replica that updates `keys` and the keys of `verifier`, and sets `ready` to whether there is a key to sign with.
    pub(crate) fn new(keys: SigningKeys, verifier: Verifier, ready: watch::Sender<bool>) -> Self {
        Self {
            id: uuid_at(keys.now()),
            keys,
            verifier,
            ready,
            last_report: None,
            raised: None,
            logged: None,
        }
    }

    /// Runs until `stop`. It ends with an error when the first active key cannot be opened, which only another configuration
    /// can correct. Later, a key that cannot be opened makes the service not ready.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), OpenError> {
        let mut started = false;
        loop {
            match self.update().await {
                Ok(()) => {
                    started = true;
                    self.logged = None;
                }
                Err(UpdateError::Open(error)) if !started => return Err(error),
                Err(error) => self.log_once(&error),
            }
            self.ready.send_if_modified(|ready| {
                let signs = self.keys.signer().is_ok();
                std::mem::replace(ready, signs) != signs
            });
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.keys.0.changed.notified() => {}
                () = self.keys.0.context.feed.subscribers().changed() => {}
                () = tokio::time::sleep(self.keys.0.schedule.poll) => {}
            }
        }
        let id = self.id;
        let deleted = self.on_lane(move |connection| store::delete_replica(connection, id).boxed());
        if let Err(error) = deleted.await {
            tracing::debug!(%error, "this replica is still registered and times out later");
        }
        Ok(())
    }

    fn log_once(&mut self, error: &UpdateError) {
        let text = error.to_string();
        if self.logged.as_ref() != Some(&text) {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(error = text, cause, "the signing keys are not up to date");
            self.logged = Some(text);
        }
    }

    /// Reads the keys, does what is due, and reads again if that changed anything.
    async fn update(&mut self) -> Result<(), UpdateError> {
        for _ in 0..MAX_STEPS {
            let (as_of, now) = (Instant::now(), self.keys.now());
            // The report comes before the read, so that a key activated after the read waits for this replica.
            self.report_alive(now).await?;
            let retired_before = self.keys.retired_before(now);
            let keys = self
                .on_lane(move |connection| store::list(connection, retired_before).boxed())
                .await?;
            if self.record_token_ttl(&keys, as_of).await? {
                continue;
            }
            self.adopt(&keys, as_of)?;
            if !self.step(&keys, now).await? {
                break;
            }
        }
        Ok(())
    }

    /// Verifies with these keys, publishes them, and then signs with the active one.
    fn adopt(&self, keys: &[StoredKey], as_of: Instant) -> Result<(), OpenError> {
        self.publish(keys.iter().map(public_key).collect());
        let current = &self.keys.0.active;
        let active = keys.iter().find(|key| key.is_active());
        let Some(active) = active.filter(|_| !self.waits_for_others()) else {
            current.store(None);
            return Ok(());
        };
        let held = current.load_full();
        let signer = if let Some(held) = held.filter(|held| held.signer.kid() == active.kid) {
            Arc::clone(&held.signer)
        } else {
            let opened = self.keys.open(active);
            Arc::new(opened.inspect_err(|_error| current.store(None))?)
        };
        current.store(Some(Arc::new(ActiveKey { signer, as_of })));
        Ok(())
    }

    fn publish(&self, keys: Vec<PublicKey>) {
        if **self.keys.0.published.load() == keys {
            return;
        }
        self.verifier.set_keys(KeySet::new(keys.iter().cloned()));
        self.keys.0.context.feed.set_keys(keys.clone());
        self.keys.0.published.store(Arc::new(keys));
    }

    /// Takes the one step that is due; whether the keys have changed.
    async fn step(
        &mut self,
        keys: &[StoredKey],
        now: DateTime<Utc>,
    ) -> Result<bool, database::Error> {
        let Some(active) = keys.iter().find(|key| key.is_active()) else {
            let new = self.keys.generate(now);
            tracing::info!(kid = new.kid, "there is no signing key: making one");
            self.on_lane(move |connection| {
                async move { store::insert_active(connection, &new).await }.boxed()
            })
            .await?;
            // If another replica was faster, there is a key too.
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
        self.rotate(now, due).await
    }

    /// Makes a NEXT key if the active one began to sign at `due` or earlier.
    async fn rotate(
        &self,
        now: DateTime<Utc>,
        due: DateTime<Utc>,
    ) -> Result<bool, database::Error> {
        let event = AuditEvent::without_call(EventKind::SigningKeyRotated, now);
        let work = Arc::new((self.keys.generate(now), event));
        let deadline = Instant::now() + STATEMENT_TIMEOUT;
        let lanes = &self.keys.0.context.lanes;
        let rotated = lanes.transaction(KEYS, deadline, move |connection| {
            let work = Arc::clone(&work);
            async move { rotate(connection, &work.0, due, &work.1).await }.boxed()
        });
        rotated.await
    }

    /// Publishes and acknowledges a NEXT key, and activates it if it may sign; whether it has become active.
    async fn advance(
        &mut self,
        next: &StoredKey,
        now: DateTime<Utc>,
    ) -> Result<bool, database::Error> {
        if next.publish_time.is_none() {
            let kid = next.kid.clone();
            self.on_lane(move |connection| {
                async move { store::publish(connection, &kid, now).await }.boxed()
            })
            .await?;
        }
        self.acknowledge(next, now).await?;
        let (kid, published_before) = (
            next.kid.clone(),
            now - self.keys.0.schedule.acknowledge_within,
        );
        let activated = self.on_lane(move |connection| {
            let seen_after = now - REPLICA_TIMEOUT;
            async move {
                store::activate(connection, &kid, now, published_before, seen_after).await
            }
            .boxed()
        });
        let activated = activated.await?;
        if activated {
            tracing::info!(kid = next.kid, "a new key signs");
        }
        Ok(activated)
    }

    pub(super) async fn on_lane<T, W>(&self, work: W) -> Result<T, database::Error>
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, database::Error>>
            + Send
            + 'static,
        T: Send + 'static,
    {
        let deadline = Instant::now() + STATEMENT_TIMEOUT;
        self.keys.0.context.lanes.run(KEYS, deadline, work).await
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
    event: &AuditEvent,
) -> Result<bool, database::Error> {
    let inserted = store::insert_next(connection, new, Some(due)).await?;
    if inserted {
        audit::insert_general(connection, event, None).await?;
    }
    Ok(inserted)
}
