//! Transactions are atomic, and are retried after a conflict.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use database::{Error, Lanes, Settings, UnitError};
use futures_util::FutureExt as _;
use sqlx::Executor as _;
use tokio::sync::Barrier;

use crate::support::Postgres;
use crate::{ANYONE, backend, single_lane, soon};

/// A service's own error, as the lanes see it.
#[derive(Debug, thiserror::Error)]
enum ServiceError {
    #[error("the title is taken")]
    TitleTaken,
    #[error(transparent)]
    Database(#[from] Error),
}

impl From<sqlx::Error> for ServiceError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl UnitError for ServiceError {
    fn database(&self) -> Option<&Error> {
        match self {
            Self::TitleTaken => None,
            Self::Database(error) => Some(error),
        }
    }
}

async fn server_with_entries() -> Postgres {
    let server = Postgres::start();
    server
        .execute("create table entry (id int constraint entry_id_is_unique unique)")
        .await;
    server
}

/// Runs the statements in one transaction; an error of any of them ends it.
async fn statements(lanes: &Lanes, all: &'static [&'static str]) -> Result<(), Error> {
    let transaction = lanes.transaction(ANYONE, soon(), move |conn| {
        async move {
            for sql in all {
                conn.execute(*sql).await?;
            }
            Ok(())
        }
        .boxed()
    });
    transaction.await
}

#[tokio::test]
async fn what_the_work_did_is_committed() {
    let server = server_with_entries().await;
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let both = &[
        "insert into entry values (1)",
        "insert into entry values (2)",
    ];
    statements(&lanes, both).await.unwrap();
    assert_eq!(server.count("select count(*) from entry").await, 2);
}

#[tokio::test]
async fn an_error_of_the_domain_rolls_back_and_keeps_the_connection() {
    let server = server_with_entries().await;
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let first = backend(&lanes).await;
    let transaction = lanes.transaction(ANYONE, soon(), |conn| {
        async move {
            conn.execute("insert into entry values (1)").await?;
            Err::<(), _>(ServiceError::TitleTaken)
        }
        .boxed()
    });
    let result = transaction.await;
    assert!(
        matches!(result, Err(ServiceError::TitleTaken)),
        "{result:?}"
    );
    assert_eq!(server.count("select count(*) from entry").await, 0);
    assert_eq!(backend(&lanes).await, first);
}

#[tokio::test]
async fn the_error_of_a_broken_constraint_has_its_name() {
    let server = server_with_entries().await;
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let twice = &[
        "insert into entry values (1)",
        "insert into entry values (1)",
    ];
    let error = statements(&lanes, twice).await.unwrap_err();
    assert!(matches!(error, Error::Query(_)), "{error:?}");
    assert_eq!(error.constraint(), Some("entry_id_is_unique"));
    assert_eq!(server.count("select count(*) from entry").await, 0);
}

#[tokio::test]
async fn work_that_ignores_an_error_is_not_reported_as_committed() {
    let server = server_with_entries().await;
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let transaction = lanes.transaction(ANYONE, soon(), |conn| {
        async move {
            conn.execute("insert into entry values (1)").await?;
            let _ignored = conn.execute("insert into entry values (1)").await;
            Ok(())
        }
        .boxed()
    });
    let result: Result<(), Error> = transaction.await;
    assert!(matches!(result, Err(Error::Query(_))), "{result:?}");
    statements(&lanes, &["insert into entry values (2)"])
        .await
        .unwrap();
    assert_eq!(server.count("select sum(id) from entry").await, 2);
}

#[tokio::test]
async fn work_that_ends_the_transaction_itself_is_not_reported_as_committed() {
    let server = server_with_entries().await;
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let result = statements(&lanes, &["insert into entry values (1)", "rollback"]).await;
    assert!(matches!(result, Err(Error::Query(_))), "{result:?}");
    assert_eq!(server.count("select count(*) from entry").await, 0);
}

/// Counts the entries and adds one with that number; the first two attempts wait for each other in between.
async fn count_and_add(
    lanes: Lanes,
    attempts: Arc<AtomicU32>,
    barrier: Arc<Barrier>,
) -> Result<(), Error> {
    let transaction = lanes.transaction(ANYONE, soon(), move |conn| {
        let attempt = attempts.fetch_add(1, Ordering::Relaxed);
        let barrier = Arc::clone(&barrier);
        async move {
            conn.execute("set transaction isolation level serializable")
                .await?;
            let entries: i64 = sqlx::query_scalar("select count(*) from entry")
                .fetch_one(&mut *conn)
                .await?;
            if attempt < 2 {
                barrier.wait().await;
            }
            sqlx::query("insert into entry values ($1)")
                .bind(i32::try_from(entries).unwrap())
                .execute(conn)
                .await?;
            Ok(())
        }
        .boxed()
    });
    transaction.await
}

#[tokio::test]
async fn a_transaction_that_conflicts_with_another_is_retried() {
    let server = Postgres::start();
    server.execute("create table entry (id int)").await;
    let lanes = Lanes::start(Settings {
        // A principal never holds the last lane.
        lanes: 3,
        ..server.settings()
    });
    let lanes = lanes.unwrap();
    let attempts = Arc::new(AtomicU32::new(0));
    let barrier = Arc::new(Barrier::new(2));
    let (one, other) = tokio::join!(
        count_and_add(lanes.clone(), Arc::clone(&attempts), Arc::clone(&barrier)),
        count_and_add(lanes.clone(), Arc::clone(&attempts), Arc::clone(&barrier)),
    );
    one.unwrap();
    other.unwrap();
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    assert_eq!(server.count("select sum(id) from entry").await, 1);
}

#[tokio::test]
async fn a_transaction_that_always_conflicts_fails_after_five_attempts() {
    let server = server_with_entries().await;
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let first = backend(&lanes).await;
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let transaction = lanes.transaction(ANYONE, soon(), move |conn| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            conn.execute("do $$ begin raise exception using errcode = '40001'; end $$")
                .await?;
            Ok(())
        }
        .boxed()
    });
    let result: Result<(), Error> = transaction.await;
    assert!(matches!(result, Err(Error::Conflict(_))), "{result:?}");
    assert_eq!(attempts.load(Ordering::Relaxed), 5);
    assert_eq!(backend(&lanes).await, first);
}
