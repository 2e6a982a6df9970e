//! What this service waits for before it says that it is ready: the database, its schema, and verification keys.

use std::time::Duration;

use futures_util::FutureExt as _;
use shared::{
    database::{Lanes, State, migrate},
    health::{Health, Readiness},
};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{MIGRATOR, SCHEMA};

/// The pause between two looks at a schema that is not there yet.
const PAUSE: Duration = Duration::from_secs(1);
/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Keeps `health` telling whether the service is ready, until `stop`. What it gives turns true with the schema.
pub(crate) fn follow(
    background: &TaskTracker,
    health: Health,
    lanes: &Lanes,
    keys: watch::Receiver<bool>,
    stop: &CancellationToken,
) -> watch::Receiver<bool> {
    let (connected, database) = watch::channel(lanes.ready());
    let (migrated, schema) = watch::channel(false);
    let found = schema.clone();
    let conditions = vec![("database", database), ("schema", schema), ("keys", keys)];
    let readiness = Readiness::new(conditions);
    let (lanes, stop) = (lanes.clone(), stop.clone());
    background.spawn(async move {
        // Together, since a condition fails when whoever vouches for it has gone.
        tokio::join!(
            readiness.follow(health, stop.clone()),
            watch_database(lanes.state(), &connected, &stop),
            await_schema(&lanes, &migrated, &stop),
        )
    });
    found
}

async fn watch_database(
    mut state: watch::Receiver<State>,
    connected: &watch::Sender<bool>,
    stop: &CancellationToken,
) {
    loop {
        let up = *state.borrow_and_update() == State::Up;
        connected.send_if_modified(|before| std::mem::replace(before, up) != up);
        match stop.run_until_cancelled(state.changed()).await {
            Some(Ok(())) => {}
            Some(Err(_)) | None => return,
        }
    }
}

/// Looks until the schema has every migration of this binary; from then on it only grows.
async fn await_schema(lanes: &Lanes, migrated: &watch::Sender<bool>, stop: &CancellationToken) {
    let mut told = false;
    loop {
        let check = lanes.run(Instant::now() + LIMIT, |conn| {
            async move { migrate::check(conn, &MIGRATOR, SCHEMA).await }.boxed()
        });
        match check.await {
            Ok(()) => {
                migrated.send_replace(true);
                return;
            }
            Err(migrate::Error::Database(_)) => {}
            Err(error) if told => tracing::debug!(%error, "the schema is still not usable"),
            Err(error) => {
                tracing::warn!(%error, "the schema is not usable yet");
                told = true;
            }
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(PAUSE))
            .await
            .is_none()
        {
            return;
        }
    }
}
