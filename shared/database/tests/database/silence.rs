//! A network that drops packets: connections stay open and nothing arrives.

use std::time::Duration;

use database::{Error, Lanes, Settings, State};
use futures_util::FutureExt as _;
use secrecy::SecretString;
use sqlx::Executor as _;
use telemetry::metrics::Metrics;
use testing::PostgresProxy;
use tokio::time::{Instant, timeout};

use crate::{ANYONE, single_lane, soon, support::Postgres, until};

/// Much longer than the detection takes, much shorter than the deadline of a unit.
const DETECTION_TIMEOUT: Duration = Duration::from_secs(10);

async fn through_a_proxy(server: &Postgres) -> (PostgresProxy, Lanes) {
    let proxy = PostgresProxy::to(server.socket()).await;
    let lanes = Lanes::start(Settings {
        url: url_of(&proxy),
        ..Settings::default()
    });
    (proxy, lanes.unwrap())
}

fn url_of(proxy: &PostgresProxy) -> SecretString {
    let address = proxy.address();
    let url = format!("postgres://postgres@{address}/postgres?sslmode=disable");
    SecretString::from(url)
}

async fn run(lanes: &Lanes, sql: &'static str) -> Result<(), Error> {
    let unit = lanes.run(ANYONE, soon(), move |conn| {
        async move {
            conn.execute(sql).await?;
            Ok(())
        }
        .boxed()
    });
    unit.await
}

#[tokio::test]
async fn silence_and_its_end_are_detected_and_calls_are_refused_in_between() {
    let server = Postgres::start();
    let (proxy, lanes) = through_a_proxy(&server).await;
    // Both calls must find a connection: a call that waits for a lane is refused without having begun.
    until(async || lanes.connected() == 4).await;
    proxy.hold_back();
    let began = Instant::now();
    let (first, second) = timeout(DETECTION_TIMEOUT, async {
        tokio::join!(run(&lanes, "select 1"), run(&lanes, "select 1"))
    })
    .await
    .unwrap_or_else(|_| panic!("silence was not detected within {DETECTION_TIMEOUT:?}"));
    for result in [first, second] {
        assert!(
            matches!(result, Err(Error::Unavailable(Some(_)))),
            "{result:?}"
        );
    }
    assert!(
        began.elapsed() >= Duration::from_secs(1),
        "detected too early"
    );
    assert!(!lanes.ready());
    let result = run(&lanes, "select 1").await;
    assert!(
        matches!(result, Err(Error::Unavailable(None))),
        "{result:?}"
    );

    proxy.forward();
    let mut state = lanes.state();
    let up = state.wait_for(|state| *state == State::Up);
    timeout(DETECTION_TIMEOUT, up)
        .await
        .expect("it is back")
        .unwrap();
    run(&lanes, "select 1").await.unwrap();
}

#[tokio::test]
async fn a_slow_statement_does_not_count_as_silence() {
    let server = Postgres::start();
    let (_proxy, lanes) = through_a_proxy(&server).await;
    run(&lanes, "select pg_sleep(3)").await.unwrap();
    assert!(lanes.ready());
}

/// Runs quick units until `slow` has ended, and returns how it ended.
async fn with_quick_units(
    lanes: &Lanes,
    slow: impl Future<Output = Result<(), Error>>,
) -> Result<(), Error> {
    let quick = async {
        loop {
            run(lanes, "select 1").await.unwrap();
        }
    };
    tokio::select! {
        slow = slow => slow,
        () = quick => unreachable!("it has no end"),
    }
}

#[tokio::test]
async fn slow_units_and_slow_new_connections_are_no_silence_while_a_lane_is_answered() {
    let server = Postgres::start();
    let (proxy, lanes) = through_a_proxy(&server).await;
    until(async || lanes.connected() == 4).await;
    let mut state = lanes.state();
    state.mark_unchanged();
    proxy.hold_back_new_connections();
    let slow = async {
        let (one, two) = tokio::join!(
            run(&lanes, "select pg_sleep(4)"),
            run(&lanes, "select pg_sleep(4)")
        );
        one.and(two)
    };
    with_quick_units(&lanes, slow).await.unwrap();
    assert!(!state.has_changed().unwrap(), "{:?}", *state.borrow());
    assert_eq!(lanes.connected(), 4, "no connection was dropped");
}

#[tokio::test]
async fn other_lanes_to_the_same_database_show_that_it_is_not_silent() {
    let server = Postgres::start();
    let (proxy, lanes) = through_a_proxy(&server).await;
    let settings = Settings {
        url: url_of(&proxy),
        ..single_lane(&server)
    };
    let beside = lanes.beside(settings, &Metrics::off(), "scans").unwrap();
    until(async || lanes.connected() == 4 && beside.connected() == 1).await;
    let mut state = beside.state();
    state.mark_unchanged();
    proxy.hold_back_new_connections();
    run(&beside, "select pg_sleep(4)").await.unwrap();
    assert!(!state.has_changed().unwrap(), "{:?}", *state.borrow());
}

#[tokio::test]
async fn an_idle_lane_that_is_answered_shows_that_the_database_is_not_silent() {
    let server = Postgres::start();
    let (proxy, lanes) = through_a_proxy(&server).await;
    until(async || lanes.connected() == 4).await;
    let mut state = lanes.state();
    state.mark_unchanged();
    proxy.hold_back_new_connections();
    run(&lanes, "select pg_sleep(4)").await.unwrap();
    assert!(!state.has_changed().unwrap(), "{:?}", *state.borrow());
    assert_eq!(lanes.connected(), 4, "no connection was dropped");
}
