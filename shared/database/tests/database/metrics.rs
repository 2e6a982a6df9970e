//! The metrics of lanes.

use std::time::Duration;

use database::{Error, Lanes, Settings};
use futures_util::FutureExt as _;
use telemetry::metrics::Metrics;

use crate::support::Postgres;
use crate::{ANYONE, backend, single_lane, soon};

/// Waits for a line of the metrics.
async fn shown(metrics: &Metrics, line: &str) {
    let line = format!("\n{line}\n");
    let shown = async {
        while !metrics.text().contains(&line) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), shown).await;
    in_time.unwrap_or_else(|_| panic!("never{line}{}", metrics.text()));
}

fn dropped(cause: &str, count: u32) -> String {
    format!(
        "tandem_database_connections_dropped_total{{cause=\"{cause}\",lanes=\"calls\"}} {count}"
    )
}

/// Runs a unit that ends the session of its own connection.
async fn end_session(lanes: &Lanes) -> Result<(), Error> {
    let unit = lanes.run(ANYONE, soon(), |conn| {
        async move {
            sqlx::query("select pg_terminate_backend(pg_backend_pid())")
                .execute(conn)
                .await?;
            Ok(())
        }
        .boxed()
    });
    unit.await
}

#[tokio::test]
async fn units_and_connections_are_counted_and_dropped_ones_by_cause() {
    let server = Postgres::start();
    let metrics = Metrics::of_service("lanes", "1");
    let lanes = Lanes::counted(single_lane(&server), &metrics, "calls").unwrap();
    backend(&lanes).await;
    for line in [
        "tandem_database_up{lanes=\"calls\"} 1",
        "tandem_database_connected{lanes=\"calls\"} 1",
        "tandem_database_unit_duration_seconds_count{lanes=\"calls\"} 1",
        "tandem_database_wait_seconds_count{lanes=\"calls\"} 1",
    ] {
        shown(&metrics, line).await;
    }
    shown(&metrics, &dropped("panicked", 0)).await;
    let panicking: Result<(), Error> = lanes.run(ANYONE, soon(), |_| panic!("at once")).await;
    assert!(matches!(panicking, Err(Error::Panicked)), "{panicking:?}");
    shown(&metrics, &dropped("panicked", 1)).await;
    assert!(end_session(&lanes).await.is_err());
    shown(&metrics, &dropped("broken", 1)).await;
    shown(
        &metrics,
        "tandem_database_connections_opened_total{lanes=\"calls\"} 3",
    )
    .await;
    shown(&metrics, "tandem_database_busy{lanes=\"calls\"} 0").await;
    lanes.close().await;
    drop(lanes);
    assert!(
        !metrics.text().contains("tandem_database_connected{"),
        "lanes that have ended show no metrics"
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
    shown(&metrics, &dropped("recycled", 1)).await;
    server.kill();
    use_lane(&lanes).await;
    shown(&metrics, "tandem_database_up{lanes=\"calls\"} 0").await;
    let text = metrics.text();
    assert!(
        !text.contains("tandem_database_connections_failed_total{lanes=\"calls\"} 0\n"),
        "{text}"
    );
}

/// Runs a unit and ignores its result, so that the lane notices that its connection is broken.
async fn use_lane(lanes: &Lanes) {
    let unit = lanes.run(ANYONE, soon(), |conn| {
        async move { Ok::<_, Error>(sqlx::query("select 1").execute(conn).await?) }.boxed()
    });
    drop(unit.await);
}
