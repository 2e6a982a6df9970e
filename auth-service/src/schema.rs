//! The schema `auth`: its migrations, and whether the database has them.

use std::time::Duration;

use futures_util::FutureExt as _;
use shared::database::{
    Lanes, State,
    migrate::{Error, check},
};
use sqlx::migrate::Migrator;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// The migrations of this binary.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/auth");
/// The schema they are for.
pub const SCHEMA: &str = "auth";

/// How often a schema that is behind is looked at again.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest one look may wait and take.
const LIMIT: Duration = Duration::from_secs(5);

/// Looks until the schema is in range, tells it through `current`, then stays until `stop`.
pub(crate) async fn follow(lanes: Lanes, current: watch::Sender<bool>, stop: CancellationToken) {
    while let Err(error) = look(&lanes).await {
        tracing::warn!(%error, "the schema is not ready");
        if stop
            .run_until_cancelled(tokio::time::sleep(AGAIN))
            .await
            .is_none()
        {
            return;
        }
    }
    current.send_replace(true);
    stop.cancelled().await;
}

async fn look(lanes: &Lanes) -> Result<(), Error> {
    lanes
        .run(Instant::now() + LIMIT, |connection| {
            async move { check(connection, &MIGRATIONS, SCHEMA).await }.boxed()
        })
        .await
}

/// Tells through `up` whether the lanes reach the database, until `stop`.
pub(crate) async fn follow_lanes(lanes: Lanes, up: watch::Sender<bool>, stop: CancellationToken) {
    let mut state = lanes.state();
    loop {
        up.send_replace(*state.borrow_and_update() == State::Up);
        tokio::select! {
            () = stop.cancelled() => return,
            changed = state.changed() => if changed.is_err() { return },
        }
    }
}
