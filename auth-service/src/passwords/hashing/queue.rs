//! The queue of the hashing threads. It has two lines, so that a flood of calls in one does not block those in the other.

use async_channel::{Receiver, Sender, TrySendError, WeakSender};

use super::{HashError, arena::Arena};

/// Work for a thread, done in its memory.
pub(super) type Job = Box<dyn FnOnce(&mut Arena) + Send>;

/// The line that a call waits in. While neither is empty, the threads take from both in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Callers with a session and known devices.
    Known,
    /// Everyone else.
    Anyone,
}

/// Puts jobs into the queue. The threads end when the last clone is dropped and both lines are empty.
#[derive(Debug, Clone)]
pub(super) struct QueueSender {
    known: Sender<Job>,
    anyone: Sender<Job>,
    /// One for each job in either line, so that a thread can wait for both lines at once.
    tickets: Sender<()>,
}

/// Takes jobs from the queue.
#[derive(Debug, Clone)]
pub(super) struct QueueReceiver {
    known: Receiver<Job>,
    anyone: Receiver<Job>,
    tickets: Receiver<()>,
    next: Line,
}

/// Two lines of at most `length` jobs each.
pub(super) fn lines(length: usize) -> (QueueSender, QueueReceiver) {
    let (into_known, known) = async_channel::bounded(length);
    let (into_anyone, anyone) = async_channel::bounded(length);
    let (into_tickets, tickets) = async_channel::unbounded();
    let sender = QueueSender {
        known: into_known,
        anyone: into_anyone,
        tickets: into_tickets,
    };
    let receiver = QueueReceiver {
        known,
        anyone,
        tickets,
        next: Line::Known,
    };
    (sender, receiver)
}

impl QueueSender {
    /// Puts a job at the end of a line, if there is room.
    pub(super) fn put(&self, line: Line, job: Job) -> Result<(), HashError> {
        let sender = match line {
            Line::Known => &self.known,
            Line::Anyone => &self.anyone,
        };
        sender.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => HashError::QueueFull,
            TrySendError::Closed(_) => HashError::Stopped,
        })?;
        self.tickets
            .try_send(())
            .map_err(|_no_thread_is_left| HashError::Stopped)
    }
}

impl QueueSender {
    /// A function that counts the jobs in each line; 0 when the threads have ended.
    pub(super) fn waiting(
        &self,
    ) -> impl Fn() -> [(&'static str, usize); 2] + Send + Sync + 'static {
        let (known, anyone) = (self.known.downgrade(), self.anyone.downgrade());
        let count = |line: &WeakSender<Job>| line.upgrade().map_or(0, |line| line.len());
        move || [("known", count(&known)), ("anyone", count(&anyone))]
    }
}

impl Iterator for QueueReceiver {
    type Item = Job;

    /// Waits for the next job, from both lines in turn; `None` when the queue is closed and empty.
    fn next(&mut self) -> Option<Job> {
        self.tickets.recv_blocking().ok()?;
        // There is a job for this ticket in one of the lines, although another thread may take the one that is found first.
        loop {
            for line in [self.next, self.next.other()] {
                let receiver = match line {
                    Line::Known => &self.known,
                    Line::Anyone => &self.anyone,
                };
                if let Ok(job) = receiver.try_recv() {
                    self.next = line.other();
                    return Some(job);
                }
            }
        }
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
