//! The queue: bounds, deadlines and an orderly end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use database::{Error, Lanes, Settings};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::support::Postgres;
use crate::{Occupied, backend, single_lane, soon};

/// Runs a unit, and returns its result and whether it began.
async fn witnessed(lanes: &Lanes, deadline: Instant) -> (Result<(), Error>, Arc<AtomicBool>) {
    let began = Arc::new(AtomicBool::new(false));
    let witness = Arc::clone(&began);
    let unit = lanes.run(deadline, move |_| {
        witness.store(true, Ordering::Relaxed);
        async { Ok(()) }.boxed()
    });
    (unit.await, began)
}

#[tokio::test]
async fn a_call_beyond_the_queue_is_refused_at_once() {
    let server = Postgres::start();
    let settings = Settings {
        queue: 1,
        ..single_lane(&server)
    };
    let lanes = Lanes::start(settings).unwrap();
    let occupied = Occupied::lane_of(&lanes).await;
    let mut queued = Box::pin(witnessed(&lanes, soon()));
    assert!((&mut queued).now_or_never().is_none());

    let refused = witnessed(&lanes, soon()).now_or_never();
    let (result, began) = refused.expect("a refusal does not wait");
    assert!(matches!(result, Err(Error::Overloaded)), "{result:?}");
    assert!(!began.load(Ordering::Relaxed));

    occupied.release().await;
    queued.await.0.unwrap();
}

#[tokio::test]
async fn a_unit_whose_deadline_passes_in_the_queue_never_begins() {
    let server = Postgres::start();
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let occupied = Occupied::lane_of(&lanes).await;
    let deadline = Instant::now() + Duration::from_millis(20);
    let (result, began) = witnessed(&lanes, deadline).await;
    assert!(matches!(result, Err(Error::DeadlineExceeded)), "{result:?}");
    occupied.release().await;
    backend(&lanes).await;
    assert!(!began.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_unit_whose_deadline_has_passed_is_not_even_queued() {
    let server = Postgres::start();
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let (result, began) = witnessed(&lanes, Instant::now()).await;
    assert!(matches!(result, Err(Error::DeadlineExceeded)), "{result:?}");
    backend(&lanes).await;
    assert!(!began.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_unit_that_was_refused_after_the_longest_wait_never_begins() {
    let server = Postgres::start();
    let settings = Settings {
        longest_wait: Duration::from_millis(500),
        ..single_lane(&server)
    };
    let lanes = Lanes::start(settings).unwrap();
    let occupied = Occupied::lane_of(&lanes).await;
    let (result, began) = witnessed(&lanes, soon()).await;
    assert!(matches!(result, Err(Error::Overloaded)), "{result:?}");
    occupied.release().await;
    backend(&lanes).await;
    assert!(!began.load(Ordering::Relaxed));
}

#[tokio::test]
async fn closing_finishes_what_is_queued_and_refuses_what_comes_after() {
    let server = Postgres::start();
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let occupied = Occupied::lane_of(&lanes).await;
    let mut queued = Box::pin(witnessed(&lanes, soon()));
    assert!((&mut queued).now_or_never().is_none());

    let closing = lanes.close();
    let (closed, (queued, _), ()) = tokio::join!(closing, queued, occupied.release());
    let () = closed;
    queued.unwrap();
    let (result, _) = witnessed(&lanes, soon()).await;
    assert!(
        matches!(result, Err(Error::Unavailable(None))),
        "{result:?}"
    );
    let sessions = "select count(*) from pg_stat_activity where application_name = 'tandem' \
                    and pid <> pg_backend_pid()";
    assert_eq!(server.count(sessions).await, 0);
}
