//! The database goes away and returns.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use contract::reason::Reason;
use database::{Error, Lanes, Settings, State};
use futures_util::FutureExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::support::Postgres;
use crate::{ANYONE, backend, single_lane, soon, until};

async fn insert(lanes: &Lanes) -> Result<(), Error> {
    let insert = lanes.run(ANYONE, soon(), |conn| {
        async move {
            conn.execute("insert into entry values (1)").await?;
            Ok(())
        }
        .boxed()
    });
    insert.await
}

#[tokio::test]
async fn without_a_database_calls_are_refused_not_kept_waiting() {
    let settings = Settings {
        url: SecretString::from("postgres:///none?host=/nonexistent&user=x"),
        ..Settings::default()
    };
    let lanes = Lanes::start(settings).unwrap();
    for _ in 0..3 {
        let result = insert(&lanes).await;
        assert!(
            matches!(result, Err(Error::Unavailable(None))),
            "{result:?}"
        );
    }
    assert!(!lanes.ready());
    lanes.close().await;
}

/// Inserts until the lanes are closed, and counts the acknowledged ones.
async fn load(lanes: Lanes, acknowledged: Arc<AtomicI64>) {
    while !lanes.is_closed() {
        match insert(&lanes).await {
            Ok(()) => acknowledged.fetch_add(1, Ordering::Relaxed),
            Err(Error::Unavailable(_)) => 0,
            Err(other) => panic!("{other:?}"),
        };
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_is_unavailable_and_back_without_a_restart_and_without_a_lost_write() {
    let server = Postgres::start();
    server.execute("create table entry (id int)").await;
    let lanes = Lanes::start(server.settings()).unwrap();
    let mut state = lanes.state();
    let acknowledged = Arc::new(AtomicI64::new(0));
    let callers: Vec<_> = (0..32)
        .map(|_| tokio::spawn(load(lanes.clone(), Arc::clone(&acknowledged))))
        .collect();
    for _ in 0..3 {
        let before = acknowledged.load(Ordering::Relaxed);
        until(async || acknowledged.load(Ordering::Relaxed) > before + 100).await;
        server.kill();
        state.wait_for(|state| *state == State::Down).await.unwrap();
        let result = insert(&lanes).await;
        assert!(
            matches!(result, Err(Error::Unavailable(None))),
            "{result:?}"
        );
        server.restart();
        state.wait_for(|state| *state == State::Up).await.unwrap();
    }
    backend(&lanes).await;
    lanes.close().await;
    for caller in callers {
        caller.await.unwrap();
    }
    let kept = server.count("select count(*) from entry").await;
    assert!(kept >= acknowledged.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_connection_that_breaks_while_idle_is_replaced_before_a_call_fails() {
    let server = Postgres::start();
    let settings = Settings {
        check_after_idle: Duration::from_millis(10),
        ..single_lane(&server)
    };
    let lanes = Lanes::start(settings).unwrap();
    let first = backend(&lanes).await;
    server
        .execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
             where application_name = 'tandem' and pid <> pg_backend_pid()",
        )
        .await;
    let others = "select count(*) from pg_stat_activity \
                  where application_name = 'tandem' and pid <> pg_backend_pid()";
    until(async || server.count(others).await == 1).await;
    assert_ne!(backend(&lanes).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_one_call_on_a_broken_connection_every_lane_checks_its_own() {
    let server = Postgres::start();
    server.execute("create table entry (id int)").await;
    let settings = Settings {
        lanes: 8,
        ..server.settings()
    };
    let lanes = Lanes::start(settings).unwrap();
    let others =
        "from pg_stat_activity where application_name = 'tandem' and pid <> pg_backend_pid()";
    let end = format!("select pg_terminate_backend(pid) {others}");
    let left = format!("select count(*) {others}");
    for _ in 0..10 {
        until(async || lanes.connected() == 8).await;
        let mut operator = server.connect().await;
        operator.execute(AssertSqlSafe(end.clone())).await.unwrap();
        until(async || {
            let left = sqlx::query_scalar::<_, i64>(AssertSqlSafe(left.clone()));
            left.fetch_one(&mut operator).await.unwrap() == 0
        })
        .await;
        let first = insert(&lanes).await;
        assert!(
            matches!(first, Err(Error::Unavailable(Some(_)))),
            "{first:?}"
        );
        for _ in 0..20 {
            insert(&lanes).await.unwrap();
        }
    }
    lanes.close().await;
}

#[tokio::test]
async fn a_read_only_connection_is_dropped() {
    let server = Postgres::start();
    server.execute("create table entry (id int)").await;
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let first = backend(&lanes).await;
    let demoted = lanes.run(ANYONE, soon(), |conn| {
        async move {
            conn.execute("set default_transaction_read_only = on")
                .await?;
            conn.execute("insert into entry values (1)").await?;
            Ok::<(), Error>(())
        }
        .boxed()
    });
    let result = demoted.await;
    assert!(
        matches!(result, Err(Error::Unavailable(Some(_)))),
        "{result:?}"
    );
    insert(&lanes).await.unwrap();
    assert_ne!(backend(&lanes).await, first);
}

#[tokio::test]
async fn a_read_only_server_counts_as_down() {
    let server = Postgres::start();
    server
        .execute("alter database postgres set default_transaction_read_only = on")
        .await;
    let lanes = Lanes::start(server.settings()).unwrap();
    let result = insert(&lanes).await;
    assert!(
        matches!(result, Err(Error::Unavailable(None))),
        "{result:?}"
    );
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
async fn a_temporary_error_is_unavailable_and_a_wrong_statement_is_internal() {
    let server = Postgres::start();
    let lanes = Lanes::start(server.settings()).unwrap();
    let reason = async |sql| run(&lanes, sql).await.unwrap_err().reason();
    for temporary in [
        "do $$ begin raise sqlstate '53100' using message = 'the disk is full'; end $$",
        "do $$ begin raise sqlstate '53200' using message = 'out of memory'; end $$",
        "do $$ begin raise sqlstate '58030' using message = 'I/O error'; end $$",
        "do $$ begin raise sqlstate '08006' using message = 'connection failure'; end $$",
    ] {
        assert_eq!(
            reason(temporary).await,
            Reason::DatabaseUnavailable,
            "{temporary}"
        );
    }
    assert_eq!(reason("select wrong").await, Reason::Internal);
}

#[tokio::test]
async fn while_the_server_accepts_no_more_connections_calls_are_refused_and_then_served() {
    let server = Postgres::start();
    server
        .execute("create role modest login connection limit 0")
        .await;
    let settings = server.settings();
    let url = settings.url.expose_secret();
    let lanes = Lanes::start(Settings {
        url: SecretString::from(url.replace("user=postgres", "user=modest")),
        ..settings
    });
    let lanes = lanes.unwrap();
    let refused = run(&lanes, "select 1").await;
    assert!(
        matches!(refused, Err(Error::Unavailable(None))),
        "{refused:?}"
    );
    server
        .execute("alter role modest connection limit 10")
        .await;
    let mut state = lanes.state();
    state.wait_for(|state| *state == State::Up).await.unwrap();
    run(&lanes, "select 1").await.unwrap();
}
