//! The queue: bounds, deadlines and an orderly end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use database::{Error, Lanes, Principal, Settings};
use futures_util::FutureExt as _;
use testing::OccupiedLane;
use tokio::time::Instant;

use crate::support::Postgres;
use crate::{ANYONE, backend, single_lane, soon};

/// Runs a unit, and returns its result and whether it began.
async fn witnessed(lanes: &Lanes, deadline: Instant) -> (Result<(), Error>, Arc<AtomicBool>) {
    let began = Arc::new(AtomicBool::new(false));
    let witness = Arc::clone(&began);
    let unit = lanes.run(ANYONE, deadline, move |_| {
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
    let occupied = OccupiedLane::of(&lanes, ANYONE).await;
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
    let occupied = OccupiedLane::of(&lanes, ANYONE).await;
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
    let occupied = OccupiedLane::of(&lanes, ANYONE).await;
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
    let occupied = OccupiedLane::of(&lanes, ANYONE).await;
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

#[tokio::test]
async fn principals_take_turns_and_none_holds_the_last_lane() {
    let server = Postgres::start();
    let settings = Settings {
        lanes: 2,
        lanes_per_principal: 2,
        ..server.settings()
    };
    let lanes = Lanes::start(settings).unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let queue = |principal, name| {
        let (lanes, order) = (lanes.clone(), Arc::clone(&order));
        let mut unit = Box::pin(async move {
            let unit = lanes.run(Principal::Internal(principal), soon(), move |_| {
                order.lock().unwrap().push(name);
                async { Ok::<(), Error>(()) }.boxed()
            });
            unit.await.unwrap();
        });
        assert!((&mut unit).now_or_never().is_none());
        unit
    };
    // The one lane that this principal may hold.
    let occupied = OccupiedLane::of(&lanes, ANYONE).await;
    let mut more = Box::pin(witnessed(&lanes, soon()));
    assert!((&mut more).now_or_never().is_none());
    // The other lane is for others.
    let others = OccupiedLane::of(&lanes, Principal::Internal("other")).await;
    let units = [
        queue("greedy", "greedy 1"),
        queue("greedy", "greedy 2"),
        queue("greedy", "greedy 3"),
        queue("modest", "modest"),
    ];
    assert_eq!(lanes.queued(), 5);
    others.release().await;
    futures_util::future::join_all(units).await;
    let order = order.lock().unwrap().clone();
    assert_eq!(order, ["greedy 1", "modest", "greedy 2", "greedy 3"]);
    assert!((&mut more).now_or_never().is_none());
    occupied.release().await;
    more.await.0.unwrap();
}

#[tokio::test]
async fn a_principal_with_a_full_share_is_refused_at_once_and_others_are_not() {
    let server = Postgres::start();
    let settings = Settings {
        queue: 3,
        queue_per_principal: 2,
        ..single_lane(&server)
    };
    let lanes = Lanes::start(settings).unwrap();
    let occupied = OccupiedLane::of(&lanes, ANYONE).await;
    let mut queued: Vec<_> = (0..2)
        .map(|_| Box::pin(witnessed(&lanes, soon())))
        .collect();
    for queued in &mut queued {
        assert!(queued.now_or_never().is_none());
    }
    let refused = witnessed(&lanes, soon()).now_or_never();
    let (result, began) = refused.expect("a refusal does not wait");
    assert!(matches!(result, Err(Error::ShareFull)), "{result:?}");
    assert!(!began.load(Ordering::Relaxed));

    // Two others: the second needs the place of one who has more.
    let other = |name| {
        let unit = lanes.run(Principal::Internal(name), soon(), |_| {
            async { Ok::<(), Error>(()) }.boxed()
        });
        let mut unit = Box::pin(unit);
        assert!((&mut unit).now_or_never().is_none());
        unit
    };
    let others = [other("one"), other("two")];
    let displaced = queued.pop().unwrap().await;
    assert!(
        matches!(displaced.0, Err(Error::ShareFull)),
        "{:?}",
        displaced.0
    );
    assert!(!displaced.1.load(Ordering::Relaxed));
    occupied.release().await;
    for result in futures_util::future::join_all(others).await {
        result.unwrap();
    }
    queued.pop().unwrap().await.0.unwrap();
}
