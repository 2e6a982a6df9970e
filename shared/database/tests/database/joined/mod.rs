//! Units that a lane runs together.

mod units;

use std::time::Duration;

use database::{Error, Joinable, Lanes, Principal, Settings};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use telemetry::metrics::Metrics;
use testing::OccupiedLane;
use tokio::time::Instant;

use self::units::{Add, Fatal};
use crate::support::Postgres;
use crate::{ANYONE, backend, single_lane, soon, until};

/// A call of `Add` that is queued.
type Call<'a> = BoxFuture<'a, Result<i32, Error>>;

async fn table(server: &Postgres) {
    server
        .execute("create table seen (number int, together int, pid int)")
        .await;
}

/// One lane that is occupied, so that everything queued meanwhile waits.
async fn occupied(server: &Postgres) -> (Lanes, OccupiedLane) {
    let lanes = Lanes::start(single_lane(server)).unwrap();
    let occupied = OccupiedLane::of(&lanes, ANYONE).await;
    (lanes, occupied)
}

/// Queues a unit now; its result comes later.
fn queue<'a, J: Joinable>(
    lanes: &'a Lanes,
    principal: &'static str,
    deadline: Instant,
    unit: J,
) -> BoxFuture<'a, Result<J::Output, J::Error>> {
    let mut call = lanes
        .join(Principal::Internal(principal), deadline, unit)
        .boxed();
    assert!((&mut call).now_or_never().is_none());
    call
}

/// The results of units that all succeed.
async fn results(calls: impl IntoIterator<Item = Call<'_>>) -> Vec<i32> {
    let results = join_all(calls).await;
    results.into_iter().map(Result::unwrap).collect()
}

/// The numbers that ran together with so many.
async fn together(server: &Postgres) -> Vec<(i32, i32)> {
    let mut conn = server.connect().await;
    let rows = sqlx::query_as("select number, together from seen order by number");
    rows.fetch_all(&mut conn).await.unwrap()
}

#[tokio::test]
async fn units_that_wait_run_as_one_statement_and_each_caller_gets_its_own_result() {
    let server = Postgres::start();
    table(&server).await;
    let (lanes, occupied) = occupied(&server).await;
    let calls = [1, 2, 3].map(|number| queue(&lanes, "one", soon(), Add(number)));
    let other = queue(&lanes, "other", soon(), Add(4));
    occupied.release().await;
    assert_eq!(
        results(calls.into_iter().chain([other])).await,
        [1, 2, 3, 4]
    );
    assert_eq!(together(&server).await, [(1, 4), (2, 4), (3, 4), (4, 4)]);
    // Nobody waits for others to join.
    assert_eq!(lanes.join(ANYONE, soon(), Add(5)).await.unwrap(), 5);
    assert_eq!(together(&server).await[4], (5, 1));
}

#[tokio::test]
async fn no_more_units_run_together_than_the_setting_says() {
    let server = Postgres::start();
    table(&server).await;
    for largest_batch in [1, 2] {
        let settings = Settings {
            largest_batch,
            ..single_lane(&server)
        };
        let lanes = Lanes::start(settings).unwrap();
        let occupied = OccupiedLane::of(&lanes, ANYONE).await;
        let calls = [1, 2, 3].map(|number| queue(&lanes, "one", soon(), Add(number)));
        occupied.release().await;
        assert_eq!(results(calls).await, [1, 2, 3]);
        lanes.close().await;
    }
    let expected = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 1)];
    let mut seen = together(&server).await;
    seen.sort_unstable();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_statement_that_fails_is_split_and_only_the_unit_at_fault_fails() {
    let server = Postgres::start();
    table(&server).await;
    let metrics = Metrics::of_service("lanes", "1");
    let lanes = Lanes::counted(single_lane(&server), &metrics, "calls").unwrap();
    let first = backend(&lanes).await;
    let occupied = OccupiedLane::of(&lanes, ANYONE).await;
    let calls = [1, -1, 2].map(|number| queue(&lanes, "one", soon(), Add(number)));
    let other = queue(&lanes, "other", soon(), Add(3));
    occupied.release().await;
    assert_eq!(
        results(calls.into_iter().chain([other])).await,
        [1, -1, 2, 3]
    );
    assert_eq!(together(&server).await, [(-1, 1), (1, 1), (2, 1), (3, 1)]);
    assert_eq!(backend(&lanes).await, first, "the connection is kept");
    let text = metrics.text();
    for line in [
        "tandem_database_batch_splits_total{lanes=\"calls\"} 1",
        "tandem_database_batch_left_total{lanes=\"calls\"} 4",
        // Four together, and nothing of those that ran again. `backend` and `OccupiedLane` are of no kind.
        "tandem_database_batch_size_sum{lanes=\"calls\"} 4",
        "tandem_database_batch_size_count{lanes=\"calls\"} 1",
        // Each unit once: those four, twice `backend`, and `OccupiedLane`.
        "tandem_database_wait_seconds_count{lanes=\"calls\"} 7",
        "tandem_database_unit_duration_seconds_count{lanes=\"calls\"} 7",
        "tandem_database_busy{lanes=\"calls\"} 0",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}: {text}");
    }
}

#[tokio::test]
async fn a_unit_for_which_the_statement_did_nothing_runs_alone_and_before_later_units() {
    let server = Postgres::start();
    table(&server).await;
    let (lanes, occupied) = occupied(&server).await;
    let calls = [1000, 1, 1001].map(|number| queue(&lanes, "one", soon(), Add(number)));
    occupied.release().await;
    assert_eq!(results(calls).await, [1000, 1, 1001]);
    let mut conn = server.connect().await;
    let order = sqlx::query_scalar::<_, i32>("select number from seen order by ctid");
    assert_eq!(order.fetch_all(&mut conn).await.unwrap(), [1, 1000, 1001]);
    // One of three was done by the statement for three, the others by one each.
    assert_eq!(together(&server).await, [(1, 1), (1000, 1), (1001, 1)]);
}

#[tokio::test]
async fn a_caller_that_was_cancelled_or_whose_deadline_passed_takes_no_part() {
    let server = Postgres::start();
    table(&server).await;
    let (lanes, occupied) = occupied(&server).await;
    let deadline = Instant::now() + Duration::from_millis(20);
    let late = queue(&lanes, "one", deadline, Add(1));
    let cancelled = queue(&lanes, "one", soon(), Add(2));
    let calls = [3, 4].map(|number| queue(&lanes, "one", soon(), Add(number)));
    drop(cancelled);
    let result = late.await;
    assert!(matches!(result, Err(Error::DeadlineExceeded)), "{result:?}");
    occupied.release().await;
    assert_eq!(results(calls).await, [3, 4]);
    assert_eq!(together(&server).await, [(3, 2), (4, 2)]);
}

#[tokio::test]
async fn a_caller_that_is_cancelled_while_its_unit_runs_with_others_changes_nothing() {
    let server = Postgres::start();
    table(&server).await;
    let (lanes, occupied) = occupied(&server).await;
    let cancelled = queue(&lanes, "one", soon(), Add(1));
    let other = queue(&lanes, "other", soon(), Add(2));
    // The statement waits until the caller has gone.
    let mut lock = server.connect().await;
    sqlx::raw_sql("begin; lock table seen")
        .execute(&mut lock)
        .await
        .unwrap();
    occupied.release().await;
    until(async || {
        server
            .count("select count(*) from pg_locks where not granted")
            .await
            == 1
    })
    .await;
    drop(cancelled);
    sqlx::raw_sql("commit").execute(&mut lock).await.unwrap();
    assert_eq!(other.await.unwrap(), 2);
    assert_eq!(together(&server).await, [(1, 2), (2, 2)]);
}

#[tokio::test]
async fn when_the_connection_breaks_the_outcome_of_all_units_is_unknown_and_none_is_run_again() {
    let server = Postgres::start();
    let (lanes, occupied) = occupied(&server).await;
    let end = "select pg_terminate_backend(pg_backend_pid())";
    let calls = ["one", "other", "third"].map(|name| queue(&lanes, name, soon(), Fatal(end)));
    occupied.release().await;
    for result in join_all(calls).await {
        assert!(
            matches!(result, Err(Error::Unavailable(Some(_)))),
            "{result:?}"
        );
    }
    backend(&lanes).await;
}

#[tokio::test]
async fn a_panic_or_a_statement_that_takes_too_long_is_the_error_of_all_and_costs_the_connection() {
    let server = Postgres::start();
    let settings = Settings {
        unit_limit: Duration::from_millis(500),
        ..single_lane(&server)
    };
    let lanes = Lanes::start(settings).unwrap();
    for sql in ["panic", "select pg_sleep(3600)"] {
        let first = backend(&lanes).await;
        let occupied = OccupiedLane::of(&lanes, ANYONE).await;
        let calls = ["one", "other"].map(|name| queue(&lanes, name, soon(), Fatal(sql)));
        occupied.release().await;
        for result in join_all(calls).await {
            match sql {
                "panic" => assert!(matches!(result, Err(Error::Panicked)), "{result:?}"),
                _ => assert!(matches!(result, Err(Error::DeadlineExceeded)), "{result:?}"),
            }
        }
        assert_ne!(backend(&lanes).await, first);
    }
}

#[tokio::test]
async fn closing_runs_the_batches_that_are_queued_and_what_they_leave() {
    let server = Postgres::start();
    table(&server).await;
    let settings = Settings {
        largest_batch: 2,
        ..single_lane(&server)
    };
    let lanes = Lanes::start(settings).unwrap();
    let occupied = OccupiedLane::of(&lanes, ANYONE).await;
    let calls = [1, 1000, 2, 3, 1001].map(|number| queue(&lanes, "one", soon(), Add(number)));
    let (results, (), ()) = tokio::join!(results(calls), lanes.close(), occupied.release());
    assert_eq!(results, [1, 1000, 2, 3, 1001]);
    let late = lanes.join(ANYONE, soon(), Add(4)).await;
    assert!(matches!(late, Err(Error::Unavailable(None))), "{late:?}");
}
