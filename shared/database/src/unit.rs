//! A unit of work: queued once, begun at most once, and then run to its end.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::{Error, UnitError};
use crate::lane_metrics::{DropCause, LaneMetrics};
use crate::status::Status;
use crate::unit_span::UnitSpan;

/// Whether a lane keeps its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The unit ran, and the server answered it.
    Keep,
    /// The unit did not run.
    Unused,
    Discard(DropCause),
}

/// A unit in the queue, without its type parameters.
pub(super) trait Job: Send {
    fn refuse(self: Box<Self>, error: Error);
    /// A lost connection is recorded in `status` before the caller gets its answer, so that the caller's next unit does not run on
    /// a connection that broke at the same time.
    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut PgConnection,
        limit: Duration,
        status: &'c Status,
        span: Option<UnitSpan>,
    ) -> BoxFuture<'c, Verdict>;
}

/// Decides between the lane that starts a unit and the caller that cancels it: the first one wins.
#[derive(Clone, Debug, Default)]
pub(super) struct StartOnce(Arc<AtomicBool>);

impl StartOnce {
    /// True for the first call.
    pub(super) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Whether one of them has won.
    pub(super) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Held by the caller. When it is dropped, a unit that has not begun is cancelled.
#[derive(Debug)]
pub(super) struct CancelGuard(pub(super) StartOnce);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.take();
    }
}

/// An item of the queue.
pub(super) struct Queued {
    pub(super) deadline: Instant,
    pub(super) since: Instant,
    pub(super) wait_until: Instant,
    pub(super) start: StartOnce,
    /// Queued with the work, because another task runs it.
    pub(super) span: Option<UnitSpan>,
    pub(super) job: Box<dyn Job>,
}

impl fmt::Debug for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Queued {
    pub(super) fn refuse(self, error: Error) {
        if let Some(span) = self.span {
            span.refuse(&error);
        }
        self.job.refuse(error);
    }

    /// Runs the unit, unless it has expired or was cancelled.
    pub(super) async fn begin(
        self,
        connection: &mut PgConnection,
        limit: Duration,
        metrics: &LaneMetrics,
        status: &Status,
    ) -> Verdict {
        let now = Instant::now();
        if now >= self.deadline {
            self.refuse(Error::DeadlineExceeded);
        } else if now >= self.wait_until {
            self.refuse(Error::Overloaded);
        } else if self.start.take() {
            metrics.begun(now - self.since);
            let run = self.job.run(connection, limit, status, self.span);
            let verdict = run.await;
            metrics.ended(now.elapsed());
            return verdict;
        }
        Verdict::Unused
    }
}

/// The work, and the channel for its result.
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
        // It fails if the caller was cancelled.
        drop(self.reply.send(Err(error.into())));
    }

    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut PgConnection,
        limit: Duration,
        status: &'c Status,
        mut span: Option<UnitSpan>,
    ) -> BoxFuture<'c, Verdict> {
        let Self { work, reply } = *self;
        async move {
            let guarded = AssertUnwindSafe(async { work(&mut *connection).await }).catch_unwind();
            if let Some(span) = &mut span {
                span.begin_work();
            }
            let done = timeout(limit, guarded).await;
            let (verdict, result) = match done {
                Ok(Ok(result)) => (judge(connection, &result), result),
                Ok(Err(_panic)) => (
                    Verdict::Discard(DropCause::Panicked),
                    Err(Error::Panicked.into()),
                ),
                Err(_elapsed) => (
                    Verdict::Discard(DropCause::Overran),
                    Err(Error::DeadlineExceeded.into()),
                ),
            };
            if let Some(span) = span {
                let error = result.as_ref().err();
                span.end(error.and_then(UnitError::database));
            }
            if matches!(verdict, Verdict::Discard(_)) {
                status.doubt();
            }
            drop(reply.send(result));
            verdict
        }
        .boxed()
    }
}

/// Waits for the answer until `deadline`. A unit that has not begun by `wait_until` is cancelled.
pub(super) async fn wait<T, E: UnitError>(
    mut answer: oneshot::Receiver<Result<T, E>>,
    guard: &CancelGuard,
    wait_until: Instant,
    deadline: Instant,
) -> Result<T, E> {
    if wait_until < deadline {
        match timeout_at(wait_until, &mut answer).await {
            Ok(answer) => return settle(answer),
            Err(_elapsed) if guard.0.take() => return Err(Error::Overloaded.into()),
            Err(_elapsed) => {}
        }
    }
    match timeout_at(deadline, answer).await {
        Ok(answer) => settle(answer),
        Err(_elapsed) => Err(Error::DeadlineExceeded.into()),
    }
}

/// A lane answers every unit that it takes, except when it abandoned the unit because the database fell silent or the runtime ended.
fn settle<T, E: UnitError>(
    answer: Result<Result<T, E>, oneshot::error::RecvError>,
) -> Result<T, E> {
    answer.unwrap_or_else(|_gone| Err(Error::Unavailable(Some(sqlx::Error::WorkerCrashed)).into()))
}

/// A connection is kept if it works and no transaction is open on it, nor a rollback unsent (sqlx queues one when
/// its `Transaction` is dropped, and sends it with the next statement of any unit).
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
        Verdict::Discard(DropCause::Broken)
    } else if unfinished {
        Verdict::Discard(DropCause::Unfinished)
    } else {
        Verdict::Keep
    }
}
