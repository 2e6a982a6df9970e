//! BEGIN, work, COMMIT, and again when a concurrent transaction won.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::Executor as _;
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep};

use crate::error::{Error, UnitError};

/// The most attempts of a transaction.
const MAX_ATTEMPTS: u32 = 5;

/// The delay before the second attempt; before each later one it is four times as long, up to [`MAX_RETRY_DELAY`]. After a deadlock it
/// must be long enough for the transaction that won to go on, also on a busy machine. The lane is occupied meanwhile.
const RETRY_DELAY: Duration = Duration::from_millis(2);
const MAX_RETRY_DELAY: Duration = Duration::from_millis(50);

/// One round trip. COMMIT alone succeeds even if an earlier statement failed (it rolls back) or the work ended the transaction
/// itself; a savepoint is an error in both cases.
const COMMIT: &str = "savepoint committing; commit";

/// Runs the work in a transaction, at most [`MAX_ATTEMPTS`] times, none of them begun after the deadline.
pub(super) async fn attempt<T, E, W>(
    connection: &mut PgConnection,
    deadline: Instant,
    work: W,
) -> Result<T, E>
where
    W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send,
    T: Send,
    E: UnitError,
{
    let mut delay = RETRY_DELAY;
    for _ in 1..MAX_ATTEMPTS {
        begin(connection).await?;
        let done = work(connection).await;
        match finish(connection, done).await {
            Err(error) if is_conflict(&error) && Instant::now() + delay < deadline => {
                sleep(delay).await;
            }
            result => return result,
        }
        delay = (delay * 4).min(MAX_RETRY_DELAY);
    }
    begin(connection).await?;
    let done = work(connection).await;
    finish(connection, done).await
}

fn is_conflict<E: UnitError>(error: &E) -> bool {
    matches!(error.database(), Some(Error::Conflict(_)))
}

async fn begin(connection: &mut PgConnection) -> Result<(), Error> {
    connection.execute("begin").await?;
    Ok(())
}

/// Commits after success, and rolls back after an error.
async fn finish<T, E: UnitError>(
    connection: &mut PgConnection,
    done: Result<T, E>,
) -> Result<T, E> {
    let error = match done {
        Ok(value) => match connection.execute(COMMIT).await {
            Ok(_) => return Ok(value),
            Err(error) => E::from(Error::from(error)),
        },
        Err(error) => error,
    };
    if !error.database().is_some_and(Error::breaks_connection) {
        // A session that cannot roll back is dropped, which ends the transaction.
        let rolled_back = connection.execute("rollback").await;
        rolled_back.map_err(|error| Error::Unavailable(Some(error)))?;
    }
    Err(error)
}
