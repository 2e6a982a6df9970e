//! The database lanes against a real PostgreSQL.

#![expect(
    clippy::unwrap_used,
    reason = "what these fail on fails the test; clippy only sees the functions marked as tests"
)]

mod cancellation;
mod joined;
mod metrics;
mod migration;
mod outage;
mod queue;
mod silence;
#[path = "../support/mod.rs"]
mod support;
mod transactions;
mod units;

use std::time::Duration;

use database::{Error, Lanes, Principal, Settings};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use support::Postgres;

/// On whose behalf the tests run units that have nothing to do with shares.
const ANYONE: Principal = Principal::Internal("test");

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

/// One lane, so that each unit runs on the connection of the one before.
fn single_lane(server: &Postgres) -> Settings {
    Settings {
        lanes: 1,
        ..server.settings()
    }
}

/// The server process behind the lane's connection: another one after a reconnect.
async fn backend(lanes: &Lanes) -> i32 {
    let pid = lanes.run(ANYONE, soon(), |conn| {
        async move {
            let select = sqlx::query_scalar("select pg_backend_pid()");
            Ok::<i32, Error>(select.fetch_one(conn).await?)
        }
        .boxed()
    });
    pid.await.unwrap()
}

/// Waits for a condition that other tasks or processes fulfil.
async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition().await {
        assert!(Instant::now() < deadline, "the condition was never met");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
