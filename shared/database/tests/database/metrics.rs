//! What lanes count.

use std::time::Duration;

use database::{Error, Lanes, Settings};
use telemetry::metrics::Metrics;

use futures_util::FutureExt as _;

use crate::support::Postgres;
use crate::{backend, single_lane, soon};

/// Waits for a line of the metrics.
async fn told(metrics: &Metrics, line: &str) {
    let line = format!("\n{line}\n");
    let telling = async {
        while !metrics.text().contains(&line) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(10), telling).await;
    told.unwrap_or_else(|_| panic!("never{line}{}", metrics.text()));
}

fn dropped(cause: &str, count: u32) -> String {
    format!(
        "tandem_database_connections_dropped_total{{cause=\"{cause}\",lanes=\"calls\"}} {count}"
    )
}

#[tokio::test]
async fn units_and_connections_are_counted_and_a_dropped_one_says_why() {
    let server = Postgres::start();
    let metrics = Metrics::of_service("lanes", "1");
    let lanes = Lanes::counted(single_lane(&server), &metrics, "calls").unwrap();
    backend(&lanes).await;
    told(&metrics, "tandem_database_up{lanes=\"calls\"} 1").await;
    told(&metrics, "tandem_database_connected{lanes=\"calls\"} 1").await;
    told(
        &metrics,
        "tandem_database_unit_duration_seconds_count{lanes=\"calls\"} 1",
    )
    .await;
    told(
        &metrics,
        "tandem_database_wait_seconds_count{lanes=\"calls\"} 1",
    )
    .await;
    told(&metrics, &dropped("panicked", 0)).await;
    let panicking: Result<(), Error> = lanes.run(soon(), |_| panic!("at once")).await;
    assert!(matches!(panicking, Err(Error::Panicked)), "{panicking:?}");
    told(&metrics, &dropped("panicked", 1)).await;
    let ending = lanes.run(soon(), |conn| {
        async move {
            sqlx::query("select pg_terminate_backend(pg_backend_pid())")
                .execute(conn)
                .await?;
            Ok::<(), Error>(())
        }
        .boxed()
    });
    assert!(ending.await.is_err());
    told(&metrics, &dropped("broken", 1)).await;
    told(
        &metrics,
        "tandem_database_connections_opened_total{lanes=\"calls\"} 3",
    )
    .await;
    told(&metrics, "tandem_database_busy{lanes=\"calls\"} 0").await;
    lanes.close().await;
    drop(lanes);
    assert!(
        !metrics.text().contains("tandem_database_connected{"),
        "nobody looks at lanes that are gone"
    );
}

#[tokio::test]
async fn a_database_that_is_away_shows_as_down_and_each_attempt_is_counted() {
    let server = Postgres::start();
    let metrics = Metrics::of_service("lanes", "1");
    let settings = Settings {
        recycle_after: Duration::ZERO,
        ..single_lane(&server)
    };
    let lanes = Lanes::counted(settings, &metrics, "calls").unwrap();
    backend(&lanes).await;
    told(&metrics, &dropped("recycled", 1)).await;
    server.kill();
    backend_or_nothing(&lanes).await;
    told(&metrics, "tandem_database_up{lanes=\"calls\"} 0").await;
    let text = metrics.text();
    assert!(
        !text.contains("tandem_database_connections_failed_total{lanes=\"calls\"} 0\n"),
        "{text}"
    );
}

/// Uses the lane, whatever comes of it, so that it notices that its connection is dead.
async fn backend_or_nothing(lanes: &Lanes) {
    let unit = lanes.run(soon(), |conn| {
        async move { Ok::<_, Error>(sqlx::query("select 1").execute(conn).await?) }.boxed()
    });
    drop(unit.await);
}
