//! The queue of the hashing threads: two lines, so that whoever floods one of them does not keep out those in the other.

use async_channel::{Receiver, Sender, TrySendError, WeakSender};

use super::{HashError, arena::Arena};

/// Work for a thread with its memory.
pub(super) type Job = Box<dyn FnOnce(&mut Arena) + Send>;

/// Which line a call waits in. While both are full each gets every other turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Callers with a session and known devices.
    Known,
    /// Everyone else.
    Anyone,
}

/// Where work is put in. The threads end when the last clone is gone and both lines are empty.
#[derive(Debug, Clone)]
pub(super) struct Entrance {
    known: Sender<Job>,
    anyone: Sender<Job>,
    /// One for each job in either line.
    tickets: Sender<()>,
}

/// Where a thread takes its work from.
#[derive(Debug, Clone)]
pub(super) struct Exit {
    known: Receiver<Job>,
    anyone: Receiver<Job>,
    tickets: Receiver<()>,
    next: Line,
}

/// Two lines of at most `length` jobs each.
pub(super) fn lines(length: usize) -> (Entrance, Exit) {
    let (into_known, known) = async_channel::bounded(length);
    let (into_anyone, anyone) = async_channel::bounded(length);
    let (into_tickets, tickets) = async_channel::unbounded();
    let entrance = Entrance {
        known: into_known,
        anyone: into_anyone,
        tickets: into_tickets,
    };
    let exit = Exit {
        known,
        anyone,
        tickets,
        next: Line::Known,
    };
    (entrance, exit)
}

impl Entrance {
    /// Puts a job at the end of a line, if there is room.
    pub(super) fn put(&self, line: Line, job: Job) -> Result<(), HashError> {
        let sender = match line {
            Line::Known => &self.known,
            Line::Anyone => &self.anyone,
        };
        sender.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => HashError::QueueFull,
            TrySendError::Closed(_) => HashError::Gone,
        })?;
        self.tickets
            .try_send(())
            .map_err(|_no_thread_is_left| HashError::Gone)
    }
}

impl Entrance {
    /// How many wait in each line, whenever it is asked; 0 when all is over.
    pub(super) fn waiting(
        &self,
    ) -> impl Fn() -> [(&'static str, usize); 2] + Send + Sync + 'static {
        let (known, anyone) = (self.known.downgrade(), self.anyone.downgrade());
        let count = |line: &WeakSender<Job>| line.upgrade().map_or(0, |line| line.len());
        move || [("known", count(&known)), ("anyone", count(&anyone))]
    }
}

impl Iterator for Exit {
    type Item = Job;

    /// Waits for the next job, of the lines by turns; `None` when there will be none.
    fn next(&mut self) -> Option<Job> {
        self.tickets.recv_blocking().ok()?;
        // Somewhere is a job for this ticket; another thread may have taken the one that was found first.
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
