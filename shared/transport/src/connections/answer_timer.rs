//! A timer outside the bodies of answers.
//!
//! A body is polled only while its client takes what it has got so far. So a limit within a body is never reached when a client
//! does not read. Here the limit of the body is watched by the task that sends it: the task of a stream over HTTP/2, that of the
//! connection over HTTP/1.1. When the limit is over, what the task sends is dropped: over HTTP/2 that resets the stream and
//! discards its bytes, over HTTP/1.1 it closes the connection (docs/decisions/0014-timer-outside-bodies.md).

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::{
    task_local,
    time::{Instant, Sleep, sleep_until},
};

task_local! {
    static TIMER: AnswerTimer;
}

/// The limit of the answer that a task sends. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct AnswerTimer(Arc<Mutex<AnswerLimit>>);

#[derive(Debug, Default)]
struct AnswerLimit {
    at: Option<Instant>,
    is_over: bool,
}

impl AnswerTimer {
    /// That of the task that polls this.
    pub(super) fn current() -> Self {
        TIMER.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs a future as one that sends answers.
    pub(super) async fn scope<F: Future>(self, sending: F) -> F::Output {
        TIMER.scope(self, sending).await
    }

    /// What the client has been sent must be taken until `at`; `None` when it has taken everything. To be called only by what the
    /// task polls.
    pub(super) fn set(&self, at: Option<Instant>) {
        self.limit().at = at;
    }

    /// Whether the limit was reached.
    pub(super) fn is_over(&self) -> bool {
        self.limit().is_over
    }

    fn limit(&self) -> MutexGuard<'_, AnswerLimit> {
        // A panic while it was locked leaves nothing half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resolves when the limit of an answer is over. It reads the limit whenever it is polled, so it is polled after what sets the limit.
pub(super) struct AnswerTimeout {
    timer: AnswerTimer,
    /// Made when it is first needed: most answers are taken at once.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl AnswerTimeout {
    pub(super) fn new(timer: AnswerTimer) -> Self {
        Self { timer, sleep: None }
    }
}

impl Future for AnswerTimeout {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.timer.limit().at else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        ready!(sleep.as_mut().poll(context));
        self.timer.limit().is_over = true;
        Poll::Ready(())
    }
}

/// Runs each stream of HTTP/2 in a task of its own, for as long as its answer is taken in time.
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamExecutor;

impl<F> hyper::rt::Executor<F> for StreamExecutor
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        let timer = AnswerTimer::default();
        tokio::spawn(timer.clone().scope(until_over(stream, timer)));
    }
}

/// Drives `sending` until it ends or its limit is over.
async fn until_over(sending: impl Future, timer: AnswerTimer) {
    let mut sending = pin!(sending);
    let mut timeout = AnswerTimeout::new(timer);
    poll_fn(|context| {
        if sending.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        Pin::new(&mut timeout).poll(context)
    })
    .await;
}
