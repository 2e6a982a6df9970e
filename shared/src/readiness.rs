//! What a service waits for before it says that it is ready: the database, its schema, and whatever the service adds.

use std::{process::ExitCode, time::Duration};

use futures_util::FutureExt as _;
use sqlx::{migrate::Migrator, postgres::PgConnectOptions};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    database::{Lanes, State, migrate},
    health::{Health, Readiness},
};

/// The pause between two looks at a schema that is not there yet.
const PAUSE: Duration = Duration::from_secs(1);
/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The tables of a service.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Its name.
    pub name: &'static str,
    /// What brings it to the version this binary needs.
    pub migrations: &'static Migrator,
}

impl Schema {
    /// Brings the schema of the database at `url` to the version this binary needs.
    pub async fn migrate(&self, url: &str) -> Result<migrate::Report, migrate::Error> {
        let options: PgConnectOptions = url.parse().map_err(migrate::Error::from)?;
        migrate::migrate(&options, self.migrations, self.name).await
    }

    /// The `migrate` command of a binary: says how it goes and with which code to end. The URL must parse.
    pub async fn migrate_command(&self, url: &str) -> Result<ExitCode, sqlx::Error> {
        let options: PgConnectOptions = url.parse()?;
        Ok(migrate::command(&options, self.migrations, self.name).await)
    }
}

/// Keeps `health` telling whether the service is ready, until `stop`: when the database answers, has the schema, and all
/// of `more` hold. What it gives turns true with the schema.
#[expect(
    clippy::must_use_candidate,
    reason = "most have nothing that waits for the schema"
)]
pub fn follow(
    background: &TaskTracker,
    health: Health,
    lanes: &Lanes,
    schema: Schema,
    more: Vec<(&'static str, watch::Receiver<bool>)>,
    stop: &CancellationToken,
) -> watch::Receiver<bool> {
    let (connected, database) = watch::channel(lanes.ready());
    let (migrated, current) = watch::channel(false);
    let found = current.clone();
    let mut conditions = vec![("database", database), ("schema", current)];
    conditions.extend(more);
    let readiness = Readiness::new(conditions);
    let (lanes, stop) = (lanes.clone(), stop.clone());
    background.spawn(async move {
        // Together, since a condition fails when whoever vouches for it has gone.
        tokio::join!(
            readiness.follow(health, stop.clone()),
            watch_database(lanes.state(), &connected, &stop),
            await_schema(&lanes, schema, &migrated, &stop),
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
async fn await_schema(
    lanes: &Lanes,
    schema: Schema,
    migrated: &watch::Sender<bool>,
    stop: &CancellationToken,
) {
    let mut told = false;
    loop {
        let check = lanes.run(Instant::now() + LIMIT, move |conn| {
            async move { migrate::check(conn, schema.migrations, schema.name).await }.boxed()
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
