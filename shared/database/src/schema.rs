//! The tables of a service, and what its readiness says about the database.

use std::{process::ExitCode, time::Duration};

use futures_util::FutureExt as _;
use sqlx::{migrate::Migrator, postgres::PgConnectOptions};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Lanes, State, migrate};

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

/// What readiness depends on: whether the database answers, and whether it has the schema.
#[derive(Debug)]
pub struct Conditions {
    /// Whether the database answers.
    pub connected: watch::Receiver<bool>,
    /// Whether the schema has every migration of this binary. Once true it stays so.
    pub migrated: watch::Receiver<bool>,
}

impl Conditions {
    /// Follows `lanes` and `schema` in a task of `background`, until `stop`.
    #[must_use]
    pub fn follow(
        background: &TaskTracker,
        lanes: &Lanes,
        schema: Schema,
        stop: &CancellationToken,
    ) -> Self {
        let (connected, database) = watch::channel(lanes.ready());
        let (migrated, current) = watch::channel(false);
        let (lanes, stop) = (lanes.clone(), stop.clone());
        background.spawn(async move {
            tokio::join!(
                watch_database(lanes.state(), &connected, &stop),
                await_schema(&lanes, schema, &migrated, &stop),
            );
            // The last state holds while the readiness that reads it exists.
            stop.cancelled().await;
        });
        Self {
            connected: database,
            migrated: current,
        }
    }

    /// Both, by the names that `/readyz` shows.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, watch::Receiver<bool>)> {
        vec![
            ("database", self.connected.clone()),
            ("schema", self.migrated.clone()),
        ]
    }
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
