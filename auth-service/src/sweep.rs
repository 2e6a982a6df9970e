//! Deletes rows that ended, batch by batch. A row that cannot be deleted is passed over, so that it keeps no other row waiting.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use clock::Clock;
use database::{Error, Lanes, Principal};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Rows deleted by one statement: few enough that no call waits for it noticeably.
const BATCH: i64 = 500;
/// Pause after a full batch, so that a sweep never occupies a lane for long.
const BATCH_DELAY: Duration = Duration::from_millis(100);
/// Longest time of one batch, waiting included.
const BATCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Rows that are passed over in one sweep. With more than these, something other than the rows is wrong.
const MAX_SKIPPED: i64 = 1_000;

/// Which rows are deleted next, in the order of their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Rows to pass over.
    pub(crate) skip: i64,
    /// The largest number to delete.
    pub(crate) size: i64,
}

/// Deletes the rows of a batch that ended before the given time; returns how many.
type Delete =
    for<'c> fn(&'c mut PgConnection, DateTime<Utc>, Batch) -> BoxFuture<'c, Result<u64, Error>>;

/// The deletion of one kind of rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sweep {
    /// What is deleted, for the log.
    pub(crate) rows: &'static str,
    pub(crate) delete: Delete,
    /// How long rows are kept after their end.
    pub(crate) retention: TimeDelta,
    /// Pause when nothing is left.
    pub(crate) interval: Duration,
}

/// How far a sweep has come.
#[derive(Debug)]
struct Progress {
    next: Batch,
    deleted: u64,
    /// A failure was logged, and no sweep has succeeded since.
    failing: bool,
}

impl Sweep {
    /// Sweeps until `stop`.
    pub(crate) async fn run(self, lanes: Lanes, clock: Arc<dyn Clock>, stop: CancellationToken) {
        let mut progress = Progress::new();
        loop {
            let (limit, next, delete) = (clock.now() - self.retention, progress.next, self.delete);
            let deleted = lanes.run(
                Principal::Internal(self.rows),
                Instant::now() + BATCH_TIMEOUT,
                move |connection| delete(connection, limit, next),
            );
            let goes_on = progress.record(deleted.await, self.rows);
            let pause = if goes_on { BATCH_DELAY } else { self.interval };
            if stop.run_until_cancelled(sleep(pause)).await.is_none() {
                return;
            }
        }
    }
}

impl Progress {
    const fn new() -> Self {
        Self {
            next: Batch {
                skip: 0,
                size: BATCH,
            },
            deleted: 0,
            failing: false,
        }
    }

    /// Decides on the next batch; false at the end of the sweep.
    fn record(&mut self, deleted: Result<u64, Error>, rows: &str) -> bool {
        let Batch { skip, size } = self.next;
        match deleted {
            Ok(deleted) => {
                self.deleted += deleted;
                self.next.size = (size * 2).min(BATCH);
                i64::try_from(deleted) == Ok(size) || self.end(rows, skip > 0)
            }
            Err(error @ (Error::Unavailable(_) | Error::Overloaded)) => {
                self.log(&error, rows);
                self.end(rows, true)
            }
            // One of the rows is the cause. Smaller batches find which.
            Err(error) if size > 1 => {
                tracing::debug!(%error, rows, "a batch cannot be deleted");
                self.next.size = (size / 8).max(1);
                true
            }
            Err(error) => {
                self.log(&error, rows);
                self.next.skip += 1;
                skip < MAX_SKIPPED || self.end(rows, true)
            }
        }
    }

    /// Logs a failure once.
    fn log(&mut self, error: &Error, rows: &str) {
        if std::mem::replace(&mut self.failing, true) {
            tracing::debug!(%error, rows, "rows still cannot be deleted");
        } else {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(%error, cause, rows, "rows that ended cannot be deleted; the others are");
        }
    }

    /// The next sweep tries every row again.
    fn end(&mut self, rows: &str, failing: bool) -> bool {
        if self.deleted > 0 {
            tracing::debug!(rows, deleted = self.deleted, "deleted rows that ended");
        }
        *self = Self {
            failing: self.failing && failing,
            ..Self::new()
        };
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sweeps a table in which the rows at `poisoned` cannot be deleted. Returns how many are left, and in how many batches.
    fn sweep(rows: usize, poisoned: &[usize]) -> (usize, usize) {
        let mut table: Vec<bool> = (0..rows).map(|row| poisoned.contains(&row)).collect();
        let (mut progress, mut batches) = (Progress::new(), 0);
        loop {
            batches += 1;
            let skip = usize::try_from(progress.next.skip)
                .unwrap()
                .min(table.len());
            let size = usize::try_from(progress.next.size).unwrap();
            let end = (skip + size).min(table.len());
            let deleted = if table[skip..end].contains(&true) {
                Err(Error::Panicked)
            } else {
                Ok(u64::try_from(table.drain(skip..end).count()).unwrap())
            };
            if !progress.record(deleted, "rows") {
                return (table.len(), batches);
            }
        }
    }

    #[test]
    fn rows_that_cannot_be_deleted_are_passed_over() {
        assert_eq!(sweep(1_200, &[]), (0, 3));
        assert_eq!(sweep(1_200, &[0]).0, 1);
        assert_eq!(sweep(1_200, &[0, 1, 500, 501, 1_199]).0, 5);
        assert!(sweep(1_200, &[700]).1 < 40);
    }

    #[test]
    fn a_sweep_ends_when_too_many_rows_cannot_be_deleted() {
        let poisoned: Vec<usize> = (0..2_000).collect();
        let (left, batches) = sweep(2_500, &poisoned);
        assert_eq!(left, 2_500);
        assert!(batches < 1_100, "{batches}");
    }

    #[test]
    fn a_database_that_is_away_ends_the_sweep() {
        let mut progress = Progress::new();
        assert!(!progress.record(Err(Error::Unavailable(None)), "rows"));
        assert!(!progress.record(Err(Error::Overloaded), "rows"));
        assert_eq!(progress.next, Progress::new().next);
    }
}
