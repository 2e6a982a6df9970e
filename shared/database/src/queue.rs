//! The queue between callers and lanes.

use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::Error;
use crate::fair_queue::{self, Bounds, FairQueue, Full, Removed, Waiting};
use crate::lane_metrics::LaneMetrics;
use crate::metrics::Refused;
use crate::principal::Principal;
use crate::settings::Settings;
use crate::unit::Queued;

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    /// Notified when an item may be taken, and when the queue is closed.
    changed: Notify,
    metrics: LaneMetrics,
}

#[derive(Debug)]
struct QueueState {
    fair: FairQueue<Principal, Queued>,
    closed: bool,
}

/// A lane in use. Dropping it gives the lane back, and charges the time since it was taken to the principal.
#[derive(Debug)]
pub(super) struct Turn {
    queue: Arc<Queue>,
    place: fair_queue::Turn,
    began: Instant,
}

/// What a lane finds in the queue.
enum Found {
    Work(Box<Queued>, fair_queue::Turn),
    /// Nothing that may be taken now.
    Nothing,
    /// Nothing, and nothing will come.
    End,
}

impl Waiting for Queued {
    fn is_over(&self, now: Instant) -> bool {
        now >= self.deadline || now >= self.wait_until || self.start.is_taken()
    }
}

impl Queue {
    /// Where there are two lanes or more, no principal holds all of them.
    pub(super) fn new(settings: &Settings, metrics: LaneMetrics) -> Self {
        let most = settings.lanes.saturating_sub(1).max(1);
        let total = settings.queue.max(1);
        let bounds = Bounds {
            total,
            share: settings.queue_per_principal.clamp(1, total),
            lanes_each: settings.lanes_per_principal.clamp(1, most),
        };
        Self {
            state: Mutex::new(QueueState {
                fair: FairQueue::new(bounds, Instant::now()),
                closed: false,
            }),
            changed: Notify::new(),
            metrics,
        }
    }

    /// How many units wait.
    pub(super) fn len(&self) -> usize {
        self.state().fair.len()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Accepts no more work. What is queued can still be taken.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_waiters();
    }

    /// Queues a unit, or returns it with the reason why it is refused.
    pub(super) fn push(
        &self,
        principal: Principal,
        queued: Queued,
    ) -> Result<(), (Box<Queued>, Error)> {
        let mut removed = Removed::default();
        let pushed = {
            let mut state = self.state();
            if state.closed {
                return Err((Box::new(queued), Error::Unavailable(None)));
            }
            let now = Instant::now();
            state.fair.push(principal, queued, now, &mut removed)
        };
        self.refuse(removed);
        let Err((queued, full)) = pushed else {
            self.changed.notify_one();
            return Ok(());
        };
        let (error, cause) = match full {
            Full::Total => (Error::Overloaded, Refused::Queue),
            Full::Share => (Error::ShareFull, Refused::Share),
        };
        self.metrics.refused(cause);
        Err((Box::new(queued), error))
    }

    /// The next unit that a lane may run; none when the queue is closed and empty.
    pub(super) async fn take(self: &Arc<Self>) -> Option<(Queued, Turn)> {
        loop {
            let mut changed = pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            match self.find() {
                Found::Work(queued, turn) => {
                    let turn = Turn {
                        queue: Arc::clone(self),
                        place: turn,
                        began: Instant::now(),
                    };
                    return Some((*queued, turn));
                }
                Found::End => return None,
                Found::Nothing => changed.await,
            }
        }
    }

    /// Any unit, to be refused; none when the queue is closed and empty. It takes nothing once `refuses` is false: that is asked
    /// together with the taking, so a unit that was queued after the database came back is not refused.
    pub(super) async fn take_any(&self, refuses: impl Fn() -> bool) -> Option<Queued> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = self.state();
                if !refuses() {
                    break;
                }
                if let Some(queued) = state.fair.take_any() {
                    return Some(queued);
                }
                if state.closed {
                    return None;
                }
            }
            changed.await;
        }
        // What this was notified of is for a lane that works.
        self.changed.notify_one();
        pending().await
    }

    /// Any unit, to be refused, if there is one.
    pub(super) fn try_take_any(&self) -> Option<Queued> {
        self.state().fair.take_any()
    }

    fn find(&self) -> Found {
        let mut removed = Removed::default();
        let (found, left, closed) = {
            let mut state = self.state();
            let found = state.fair.take(Instant::now(), &mut removed);
            (found, state.fair.len(), state.closed)
        };
        self.refuse(removed);
        if left > 0 && found.is_some() {
            // Another lane may be idle. One notification may stand for several units.
            self.changed.notify_one();
        } else if left == 0 && closed {
            self.changed.notify_waiters();
        }
        match found {
            Some((turn, queued)) => Found::Work(Box::new(queued), turn),
            None if left == 0 && closed => Found::End,
            None => Found::Nothing,
        }
    }

    /// Answers the units that were removed without a turn.
    fn refuse(&self, removed: Removed<Queued>) {
        let now = Instant::now();
        for queued in removed.over {
            self.metrics.refused(Refused::Over);
            if now >= queued.deadline {
                queued.refuse(Error::DeadlineExceeded);
            } else if now >= queued.wait_until {
                queued.refuse(Error::Overloaded);
            }
            // Or else its caller has gone.
        }
        if let Some(queued) = removed.displaced {
            self.metrics.refused(Refused::Share);
            queued.refuse(Error::ShareFull);
        }
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = Instant::now();
        let used = now.saturating_duration_since(self.began);
        self.queue.state().fair.release(&self.place, used, now);
        // A unit of the same principal may have waited for this.
        self.queue.changed.notify_one();
    }
}
