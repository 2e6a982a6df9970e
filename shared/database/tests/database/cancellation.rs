//! Units whose callers are cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use database::{Error, Lanes};
use futures_util::FutureExt as _;
use sqlx::postgres::PgConnection;
use testing::OccupiedLane;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::support::Postgres;
use crate::{ANYONE, backend, single_lane, soon, until};

const CALLERS: i32 = 64;
const CALLS: i32 = 80;

async fn insert_half(conn: &mut PgConnection, id: i32, half: &str) -> Result<(), Error> {
    sqlx::query("insert into pair (id, half) values ($1, $2)")
        .bind(id)
        .bind(half)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes both halves of a pair, and is cancelled at some point: `limit` differs from call to call.
async fn write_pair(lanes: &Lanes, id: i32) -> bool {
    let limit = Duration::from_micros(u64::from(id.unsigned_abs()) * 7919 % 12_000);
    let call = lanes.transaction(ANYONE, soon(), move |conn| {
        async move {
            insert_half(&mut *conn, id, "left").await?;
            insert_half(conn, id, "right").await
        }
        .boxed()
    });
    timeout(limit, call)
        .await
        .is_ok_and(|result| result.is_ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_cancelled_anywhere_leave_no_open_transaction_and_no_half_write() {
    let server = Postgres::start();
    server
        .execute("create table pair (id int, half text)")
        .await;
    let lanes = Lanes::start(server.settings()).unwrap();
    backend(&lanes).await;
    let callers = (0..CALLERS).map(|caller| {
        let lanes = lanes.clone();
        tokio::spawn(async move {
            let mut acknowledged = 0;
            for call in 0..CALLS {
                acknowledged += i64::from(write_pair(&lanes, caller * CALLS + call).await);
            }
            acknowledged
        })
    });
    let mut acknowledged = 0;
    for caller in callers.collect::<Vec<_>>() {
        acknowledged += caller.await.unwrap();
    }
    let open = "select count(*) from pg_stat_activity \
                where application_name = 'tandem' and state like 'idle in transaction%'";
    until(async || lanes.queued() == 0 && server.count(open).await == 0).await;
    lanes.close().await;

    let halves = "select count(*) from (select from pair group by id having count(*) <> 2) half";
    assert_eq!(server.count(halves).await, 0);
    let pairs = server.count("select count(distinct id) from pair").await;
    assert!(acknowledged > 0 && acknowledged < i64::from(CALLERS * CALLS));
    assert!(pairs >= acknowledged, "{pairs} of {acknowledged} are there");
}

#[tokio::test]
async fn a_unit_that_has_begun_runs_to_its_end_without_its_caller() {
    let server = Postgres::start();
    server
        .execute("create table pair (id int, half text)")
        .await;
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let (signal, begun) = oneshot::channel();
    let (go, gone) = oneshot::channel::<()>();
    let mut call = Box::pin(lanes.run(ANYONE, soon(), |conn| {
        async move {
            signal.send(()).unwrap();
            gone.await.unwrap();
            insert_half(conn, 1, "whole").await
        }
        .boxed()
    }));
    tokio::select! {
        _ = &mut call => panic!("the unit waits until its caller is cancelled"),
        begun = begun => begun.unwrap(),
    }
    drop(call);
    go.send(()).unwrap();
    lanes.close().await;
    assert_eq!(server.count("select count(*) from pair").await, 1);
}

#[tokio::test]
async fn a_unit_whose_caller_is_cancelled_before_it_begins_never_begins() {
    let server = Postgres::start();
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let occupied = OccupiedLane::of(&lanes, ANYONE).await;
    let began = Arc::new(AtomicBool::new(false));
    let witness = Arc::clone(&began);
    let call = lanes.run(ANYONE, soon(), move |_| {
        witness.store(true, Ordering::Relaxed);
        async { Ok::<(), Error>(()) }.boxed()
    });
    assert!(call.now_or_never().is_none());
    assert_eq!(lanes.queued(), 1);
    occupied.release().await;
    backend(&lanes).await;
    assert!(!began.load(Ordering::Relaxed));
}
