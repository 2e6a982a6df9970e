//! The work of a unit, and its result.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::{Error, UnitError};
use crate::lane_metrics::DropCause;
use crate::status::Status;
use crate::unit::Queued;
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

/// Where a unit runs.
pub(super) struct Runner<'c> {
    pub(super) connection: &'c mut PgConnection,
    pub(super) limit: Duration,
    /// A lost connection is recorded here before a caller gets its answer, so that the caller's next unit does not run on a connection
    /// that broke at the same time.
    pub(super) status: &'c Status,
}

/// A unit in the queue, without its type parameters.
pub(super) trait Job: Send {
    fn refuse(self: Box<Self>, error: Error);
    fn run(self: Box<Self>, runner: Runner<'_>, span: Option<UnitSpan>) -> BoxFuture<'_, Verdict>;
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}

/// Runs units of one kind together.
pub(super) type RunJoined = for<'c> fn(Vec<Queued>, Runner<'c>) -> BoxFuture<'c, JoinedRun>;

/// What came of units that ran together.
pub(super) struct JoinedRun {
    pub(super) verdict: Verdict,
    /// Whether their statement failed, so that each has to run alone.
    pub(super) failed: bool,
    /// For each unit: `None` when it was answered, or else the unit, to be queued again.
    pub(super) left: Vec<Option<Queued>>,
}

/// What a unit does when it runs alone.
pub(super) trait Work: Send + 'static {
    type Output: Send + 'static;
    type Error: UnitError;

    fn run(
        self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;
}

/// The work of a closure.
pub(super) struct Closure<W, T, E> {
    pub(super) work: W,
    pub(super) result: PhantomData<fn() -> Result<T, E>>,
}

impl<W, T, E> Work for Closure<W, T, E>
where
    W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: UnitError,
{
    type Output = T;
    type Error = E;

    async fn run(self, connection: &mut PgConnection) -> Result<T, E> {
        (self.work)(connection).await
    }
}

/// The work, and the channel for its result.
pub(super) struct Unit<W: Work> {
    pub(super) work: W,
    pub(super) reply: oneshot::Sender<Result<W::Output, W::Error>>,
}

impl<W: Work> Job for Unit<W> {
    fn refuse(self: Box<Self>, error: Error) {
        // It fails if the caller was cancelled.
        drop(self.reply.send(Err(error.into())));
    }

    fn run(
        self: Box<Self>,
        mut runner: Runner<'_>,
        span: Option<UnitSpan>,
    ) -> BoxFuture<'_, Verdict> {
        let Self { work, reply } = *self;
        async move {
            let work = async |connection: &mut PgConnection| work.run(connection).await;
            let (verdict, result) = runner.run(work).await;
            answer_caller(reply, span, result);
            verdict
        }
        .boxed()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

impl Runner<'_> {
    /// The result of the work, which is bounded in time and may panic; and whether the connection can be used afterwards.
    pub(super) async fn run<T, E: UnitError>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> (Verdict, Result<T, E>) {
        let connection = &mut *self.connection;
        let guarded = AssertUnwindSafe(async { work(&mut *connection).await }).catch_unwind();
        let (verdict, result) = match timeout(self.limit, guarded).await {
            Ok(Ok(result)) => (judge(self.connection, &result), result),
            Ok(Err(_panic)) => (
                Verdict::Discard(DropCause::Panicked),
                Err(Error::Panicked.into()),
            ),
            Err(_elapsed) => (
                Verdict::Discard(DropCause::Overran),
                Err(Error::DeadlineExceeded.into()),
            ),
        };
        if matches!(verdict, Verdict::Discard(_)) {
            self.status.doubt();
        }
        (verdict, result)
    }
}

/// Ends the span, and sends the result to the caller. That fails if the caller was cancelled.
pub(super) fn answer_caller<T, E: UnitError>(
    reply: oneshot::Sender<Result<T, E>>,
    span: Option<UnitSpan>,
    result: Result<T, E>,
) {
    if let Some(span) = span {
        let error = result.as_ref().err();
        span.end(error.and_then(UnitError::database));
    }
    drop(reply.send(result));
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
