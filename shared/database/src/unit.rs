//! A unit of work: queued once, begun at most once, and then run to its end.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::error::{Error, UnitError};
use super::status::Status;
use super::traced::UnitSpan;
use crate::meter::{Dropped, LanesMeter};

/// Whether a lane may go on with its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    Discard(Dropped),
}

/// What a lane can do with the work in the queue, whatever its types.
pub(super) trait Job: Send {
    fn refuse(self: Box<Self>, error: Error);
    /// Tells `status` of a connection that is lost before it tells the caller, so that the caller's next unit meets no
    /// connection that broke with it.
    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut PgConnection,
        limit: Duration,
        status: &'c Status,
        traced: Option<UnitSpan>,
    ) -> BoxFuture<'c, Verdict>;
}

/// Decides between the lane that begins a unit and the caller that gives it up: the first one wins.
#[derive(Clone, Debug, Default)]
pub(super) struct Claim(Arc<AtomicBool>);

impl Claim {
    /// True for the first to ask.
    pub(super) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// The caller's half of a claim: a caller that goes away takes back a unit that has not begun.
#[derive(Debug)]
pub(super) struct Withdrawal(pub(super) Claim);

impl Drop for Withdrawal {
    fn drop(&mut self) {
        self.0.take();
    }
}

/// An item of the queue.
pub(super) struct Queued {
    pub(super) deadline: Instant,
    pub(super) since: Instant,
    pub(super) wait_until: Instant,
    pub(super) claim: Claim,
    /// Carried along with the work, since another task runs it.
    pub(super) traced: Option<UnitSpan>,
    pub(super) job: Box<dyn Job>,
}

impl Queued {
    pub(super) fn refuse(self, error: Error) {
        if let Some(traced) = self.traced {
            traced.refuse(&error);
        }
        self.job.refuse(error);
    }

    /// Runs the unit, unless it has expired or was withdrawn.
    pub(super) async fn begin(
        self,
        connection: &mut PgConnection,
        limit: Duration,
        meter: &LanesMeter,
        status: &Status,
    ) -> Verdict {
        let now = Instant::now();
        if now >= self.deadline {
            self.refuse(Error::DeadlineExceeded);
        } else if now >= self.wait_until {
            self.refuse(Error::Overloaded);
        } else if self.claim.take() {
            meter.begun(now - self.since);
            let run = self.job.run(connection, limit, status, self.traced);
            let verdict = run.await;
            meter.ended(now.elapsed());
            return verdict;
        }
        Verdict::Keep
    }
}

/// Work and where its result goes.
pub(super) struct Unit<W, T, E> {
    pub(super) work: W,
    pub(super) reply: oneshot::Sender<Result<T, E>>,
}

impl<W, T, E> Job for Unit<W, T, E>
where
    W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: UnitError,
{
    fn refuse(self: Box<Self>, error: Error) {
        // The caller may have gone; then nobody is left to tell.
        drop(self.reply.send(Err(error.into())));
    }

    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut PgConnection,
        limit: Duration,
        status: &'c Status,
        mut traced: Option<UnitSpan>,
    ) -> BoxFuture<'c, Verdict> {
        let Self { work, reply } = *self;
        async move {
            let guarded = AssertUnwindSafe(async { work(&mut *connection).await }).catch_unwind();
            if let Some(traced) = &mut traced {
                traced.begin_work();
            }
            let done = timeout(limit, guarded).await;
            let (verdict, result) = match done {
                Ok(Ok(result)) => (judge(connection, &result), result),
                Ok(Err(_panic)) => (
                    Verdict::Discard(Dropped::Panicked),
                    Err(Error::Panicked.into()),
                ),
                Err(_elapsed) => (
                    Verdict::Discard(Dropped::Overran),
                    Err(Error::DeadlineExceeded.into()),
                ),
            };
            if let Some(traced) = traced {
                let error = result.as_ref().err();
                traced.end(error.and_then(UnitError::database));
            }
            if matches!(verdict, Verdict::Discard(_)) {
                status.lost();
            }
            drop(reply.send(result));
            verdict
        }
        .boxed()
    }
}

/// A connection is kept if it works and no transaction is open on it, nor a rollback unsent (sqlx queues one when
/// its `Transaction` is dropped and sends it with the next statement, whosever that is).
fn judge<T, E: UnitError>(connection: &mut PgConnection, result: &Result<T, E>) -> Verdict {
    let broken = result
        .as_ref()
        .err()
        .and_then(UnitError::database)
        .is_some_and(Error::breaks_connection);
    let unfinished = connection.is_in_transaction() || connection.should_flush();
    if unfinished {
        tracing::warn!("a unit of work left a transaction unfinished; its connection is dropped");
    }
    if broken {
        Verdict::Discard(Dropped::Broken)
    } else if unfinished {
        Verdict::Discard(Dropped::Unfinished)
    } else {
        Verdict::Keep
    }
}
