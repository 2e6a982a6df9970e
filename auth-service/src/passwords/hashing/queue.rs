//! The queue of the hashing threads. It has two lines, so that a flood of calls in one does not block those in the other.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use super::{
    HashError,
    arena::Arena,
    principal::{HashingPrincipal, Line},
    shares::FairLine,
};

/// Work for a thread.
pub(super) trait Work: Send {
    /// Nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    /// Does it, in the thread's memory.
    fn run(self: Box<Self>, arena: &mut Arena);
    /// Answers that it had to give way to others.
    fn refuse(self: Box<Self>);
}

pub(super) type Job = Box<dyn Work>;

/// Puts jobs into the queue. The threads end when the last clone is dropped and both lines are empty.
#[derive(Debug, Clone)]
pub(super) struct QueueSender(Arc<Closing>);

/// Closes the queue when it is dropped.
#[derive(Debug)]
struct Closing(Arc<Shared>);

/// Takes jobs from the queue.
#[derive(Debug)]
pub(super) struct QueueReceiver(Arc<Shared>);

/// A job that was taken. Its account has a hash under way until this is dropped.
pub(super) struct Taken {
    job: Option<Job>,
    principal: HashingPrincipal,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// A job may be there to take, or the queue is closed.
    changed: Condvar,
}

struct State {
    known: FairLine,
    anyone: FairLine,
    next: Line,
    closed: bool,
    receivers: usize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared(..)")
    }
}

/// Two lines of at most `length` jobs each.
pub(super) fn lines(length: usize) -> (QueueSender, QueueReceiver) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            known: FairLine::new(length),
            anyone: FairLine::new(length),
            next: Line::Known,
            closed: false,
            receivers: 1,
        }),
        changed: Condvar::new(),
    });
    let sender = QueueSender(Arc::new(Closing(Arc::clone(&shared))));
    (sender, QueueReceiver(shared))
}

impl Shared {
    /// A panic cannot leave the state half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    const fn line(&mut self, line: Line) -> &mut FairLine {
        match line {
            Line::Known => &mut self.known,
            Line::Anyone => &mut self.anyone,
        }
    }

    /// Takes a job from the lines in turn.
    fn take(&mut self) -> Option<(HashingPrincipal, Job)> {
        for line in [self.next, self.next.other()] {
            if let Some(taken) = self.line(line).take() {
                self.next = line.other();
                return Some(taken);
            }
        }
        None
    }

    const fn is_over(&self) -> bool {
        self.closed && self.known.waiting() == 0 && self.anyone.waiting() == 0
    }
}

impl QueueSender {
    /// Puts a job into the line of its principal, if there is room, or if somebody who holds more gives way.
    pub(super) fn put(&self, principal: HashingPrincipal, job: Job) -> Result<(), HashError> {
        let shared = &self.0.0;
        let mut state = shared.lock();
        if state.receivers == 0 {
            return Err(HashError::Stopped);
        }
        let gave_way = state.line(principal.line).put(principal, job)?;
        drop(state);
        shared.changed.notify_one();
        if let Some(job) = gave_way {
            job.refuse();
        }
        Ok(())
    }

    /// A function that counts the jobs in each line; 0 when the queue is closed.
    pub(super) fn waiting(
        &self,
    ) -> impl Fn() -> [(&'static str, usize); 2] + Send + Sync + 'static {
        let closing: Weak<Closing> = Arc::downgrade(&self.0);
        move || {
            let waiting = closing.upgrade().map_or((0, 0), |closing| {
                let state = closing.0.lock();
                (state.known.waiting(), state.anyone.waiting())
            });
            [("known", waiting.0), ("anyone", waiting.1)]
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

impl Clone for QueueReceiver {
    fn clone(&self) -> Self {
        self.0.lock().receivers += 1;
        Self(Arc::clone(&self.0))
    }
}

impl Drop for QueueReceiver {
    fn drop(&mut self) {
        self.0.lock().receivers -= 1;
    }
}

impl Iterator for QueueReceiver {
    type Item = Taken;

    /// Waits for the next job; `None` when the queue is closed and empty.
    fn next(&mut self) -> Option<Taken> {
        let mut state = self.0.lock();
        loop {
            if let Some((principal, job)) = state.take() {
                return Some(Taken {
                    job: Some(job),
                    principal,
                    shared: Arc::clone(&self.0),
                });
            }
            if state.is_over() {
                return None;
            }
            let waited = self.0.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Taken {
    /// Does the work.
    pub(super) fn run(mut self, arena: &mut Arena) {
        if let Some(job) = self.job.take() {
            job.run(arena);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.line(self.principal.line).finish(&self.principal);
        drop(state);
        // Others may wait for their account's turn, or for the end.
        self.shared.changed.notify_all();
    }
}

impl Line {
    const fn other(self) -> Self {
        match self {
            Self::Known => Self::Anyone,
            Self::Anyone => Self::Known,
        }
    }
}
