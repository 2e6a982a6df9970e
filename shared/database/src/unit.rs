//! A unit of work: queued once, begun at most once, and then run to its end.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, UnitError};
use crate::fair_queue::{Joining, Waiting};
use crate::job::{Job, RunJoined};
use crate::unit_span::UnitSpan;

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

/// How a unit runs together with others of its kind.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) joining: Joining,
    pub(super) run: RunJoined,
}

/// An item of the queue.
pub(super) struct Queued {
    pub(super) ticket: Ticket,
    pub(super) job: Box<dyn Job>,
}

/// All about a unit but its work.
pub(super) struct Ticket {
    pub(super) deadline: Instant,
    pub(super) since: Instant,
    pub(super) wait_until: Instant,
    pub(super) start: StartOnce,
    /// Whether it has run together with others, without a result.
    pub(super) again: bool,
    /// `None` if it runs alone.
    pub(super) kind: Option<Kind>,
    /// Queued with the work, because another task runs it.
    pub(super) span: Option<UnitSpan>,
}

impl fmt::Debug for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued")
            .field("deadline", &self.ticket.deadline)
            .finish_non_exhaustive()
    }
}

impl Waiting for Queued {
    fn is_over(&self, now: Instant) -> bool {
        let ticket = &self.ticket;
        now >= ticket.deadline || now >= ticket.wait_until || ticket.start.is_taken()
    }

    fn joining(&self) -> Option<Joining> {
        self.ticket.kind.map(|kind| kind.joining)
    }
}

impl Queued {
    pub(super) fn refuse(self, error: Error) {
        if let Some(span) = self.ticket.span {
            span.refuse(&error);
        }
        self.job.refuse(error);
    }

    /// The unit, unless it has expired or was cancelled. It counts as begun.
    pub(super) fn begin(self, now: Instant) -> Option<Self> {
        if now >= self.ticket.deadline {
            self.refuse(Error::DeadlineExceeded);
        } else if now >= self.ticket.wait_until {
            self.refuse(Error::Overloaded);
        } else if self.ticket.start.take() {
            return Some(self);
        }
        None
    }
}

impl Ticket {
    /// The ticket with which the unit is queued again, to be run alone. It has begun, so neither its caller nor a long wait ends it.
    pub(super) fn into_alone(self) -> Self {
        Self {
            start: StartOnce::default(),
            wait_until: self.deadline,
            again: true,
            kind: None,
            ..self
        }
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
