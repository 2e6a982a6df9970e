//! The schema of a service, and the readiness conditions for the database.

use std::{process::ExitCode, time::Duration};

use futures_util::FutureExt as _;
use sqlx::{migrate::Migrator, postgres::PgConnectOptions};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Lanes, Principal, State, migrate};

/// The interval between two checks of a schema that is not ready.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The limit of one check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// The schema of a service.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Its name.
    pub name: &'static str,
    /// Its migrations.
    pub migrations: &'static Migrator,
}

impl Schema {
    /// Migrates the schema in the database at `url` to the version that this binary needs.
    pub async fn migrate(&self, url: &str) -> Result<migrate::Report, migrate::Error> {
        let options: PgConnectOptions = url.parse().map_err(migrate::Error::from)?;
        migrate::migrate(&options, self.migrations, self.name).await
    }

    /// The `migrate` command of a binary: logs the result, and returns the exit code.
    ///
    /// # Errors
    /// The URL does not parse.
    pub async fn migrate_command(&self, url: &str) -> Result<ExitCode, sqlx::Error> {
        let options: PgConnectOptions = url.parse()?;
        Ok(migrate::command(&options, self.migrations, self.name).await)
    }
}

/// The readiness conditions: the database answers, and it has the schema.
#[derive(Debug)]
pub struct Conditions {
    /// Whether the database answers.
    pub connected: watch::Receiver<bool>,
    /// Whether the schema has every migration of this binary. Once true, it stays true.
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
            // The senders are kept until the stop, so that readers keep the last state.
            stop.cancelled().await;
        });
        Self {
            connected: database,
            migrated: current,
        }
    }

    /// Both, with the names that `/readyz` shows.
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

/// Checks until the schema has every migration of this binary. It is not checked again, because migrations are only added.
async fn await_schema(
    lanes: &Lanes,
    schema: Schema,
    migrated: &watch::Sender<bool>,
    stop: &CancellationToken,
) {
    let mut logged = false;
    loop {
        let deadline = Instant::now() + CHECK_TIMEOUT;
        let check = lanes.run(Principal::Internal("schema"), deadline, move |conn| {
            async move { migrate::check(conn, schema.migrations, schema.name).await }.boxed()
        });
        match check.await {
            Ok(()) => {
                migrated.send_replace(true);
                return;
            }
            Err(migrate::Error::Database(_)) => {}
            Err(error) if logged => tracing::debug!(%error, "the schema is still not usable"),
            Err(error) => {
                tracing::warn!(%error, "the schema is not usable yet");
                logged = true;
            }
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(CHECK_INTERVAL))
            .await
            .is_none()
        {
            return;
        }
    }
}
