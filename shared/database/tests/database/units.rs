//! Units that fail, and what their lane does then.

use std::time::Duration;

use contract::reason::Reason;
use database::{Error, Lanes, Settings};
use futures_util::FutureExt as _;
use sqlx::{Connection as _, Executor as _};

use crate::support::Postgres;
use crate::{ANYONE, backend, single_lane, soon};

async fn statement(lanes: &Lanes, sql: &'static str) -> Result<(), Error> {
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
async fn a_panicking_unit_loses_only_its_connection() {
    let server = Postgres::start();
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let first = backend(&lanes).await;
    let unit = lanes.run(ANYONE, soon(), |conn| {
        async move {
            let answer: i32 = sqlx::query_scalar("select 41").fetch_one(conn).await?;
            assert_eq!(answer, 42, "panics with a query behind it");
            Ok::<(), Error>(())
        }
        .boxed()
    });
    let result = unit.await;
    assert!(matches!(result, Err(Error::Panicked)), "{result:?}");
    assert_ne!(backend(&lanes).await, first);
}

#[tokio::test]
async fn a_unit_that_panics_before_its_future_exists_is_caught_too() {
    let server = Postgres::start();
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let result: Result<(), Error> = lanes.run(ANYONE, soon(), |_| panic!("at once")).await;
    assert!(matches!(result, Err(Error::Panicked)), "{result:?}");
    backend(&lanes).await;
}

#[tokio::test]
async fn a_unit_that_outlives_its_limit_loses_its_connection() {
    let server = Postgres::start();
    let settings = Settings {
        unit_limit: Duration::from_millis(500),
        ..single_lane(&server)
    };
    let lanes = Lanes::start(settings).unwrap();
    let first = backend(&lanes).await;
    let result = statement(&lanes, "select pg_sleep(3600)").await;
    assert!(matches!(result, Err(Error::DeadlineExceeded)), "{result:?}");
    assert_ne!(backend(&lanes).await, first);
}

#[tokio::test]
async fn a_statement_that_outlives_its_timeout_keeps_its_connection() {
    let server = Postgres::start();
    let settings = Settings {
        statement_timeout: Duration::from_millis(50),
        ..single_lane(&server)
    };
    let lanes = Lanes::start(settings).unwrap();
    let first = backend(&lanes).await;
    let result = statement(&lanes, "select pg_sleep(3600)").await;
    assert!(matches!(result, Err(Error::DeadlineExceeded)), "{result:?}");
    assert_eq!(backend(&lanes).await, first);
}

#[tokio::test]
async fn an_old_connection_is_replaced_between_two_units() {
    let server = Postgres::start();
    let settings = Settings {
        recycle_after: Duration::ZERO,
        ..single_lane(&server)
    };
    let lanes = Lanes::start(settings).unwrap();
    let first = backend(&lanes).await;
    assert_ne!(backend(&lanes).await, first);
    assert!(lanes.ready());
    // A server that stops waits for connecting clients, and this lane connects after every unit.
    lanes.close().await;
}

#[tokio::test]
async fn a_connection_is_kept_from_one_unit_to_the_next() {
    let server = Postgres::start();
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let first = backend(&lanes).await;
    let result = statement(&lanes, "select from nowhere").await;
    assert!(matches!(result, Err(Error::Query(_))), "{result:?}");
    assert_eq!(backend(&lanes).await, first);
}

#[tokio::test]
async fn a_transaction_left_open_does_not_reach_the_next_unit() {
    let server = Postgres::start();
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let first = backend(&lanes).await;
    let unit = lanes.run(ANYONE, soon(), |conn| {
        async move {
            std::mem::forget(conn.begin().await?);
            Ok::<(), Error>(())
        }
        .boxed()
    });
    unit.await.unwrap();
    assert_ne!(backend(&lanes).await, first);
}

#[tokio::test]
async fn a_rollback_left_unsent_does_not_reach_the_next_unit() {
    let server = Postgres::start();
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let first = backend(&lanes).await;
    let unit = lanes.run(ANYONE, soon(), |conn| {
        async move {
            drop(conn.begin().await?);
            Ok::<(), Error>(())
        }
        .boxed()
    });
    unit.await.unwrap();
    assert_ne!(backend(&lanes).await, first);
}

#[tokio::test]
async fn a_value_that_the_database_cannot_take_is_an_invalid_argument_and_no_defect() {
    let server = Postgres::start();
    let lanes = Lanes::start(single_lane(&server)).unwrap();
    let unit = lanes.run(ANYONE, soon(), |conn| {
        async move {
            let text = sqlx::query_scalar::<_, String>("select $1::text").bind("a\0b");
            Ok::<_, Error>(text.fetch_one(conn).await?)
        }
        .boxed()
    });
    let mut refused = vec![unit.await.unwrap_err()];
    for sql in [
        "select 'x'::int",
        "select 99999::smallint",
        "select '9999-99-99'::timestamptz",
        "select 1 / 0",
    ] {
        refused.push(statement(&lanes, sql).await.unwrap_err());
    }
    for error in refused {
        assert_eq!(error.reason(), Reason::FieldInvalid, "{error:?}");
        assert_eq!(error.violations()[0].problem.reason, "VALUE_INVALID");
    }
}
