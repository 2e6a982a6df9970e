//! The queue between callers and lanes.

use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::error::Error;
use crate::fair_queue::{self, Bounds, FairQueue, Full, Removed};
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

/// A unit's part of a lane in use. Dropping it gives that part back, and charges the time since the lane was taken to the principal:
/// units that are taken together share it.
#[derive(Debug)]
pub(super) struct Turn {
    queue: Arc<Queue>,
    place: fair_queue::Turn,
    began: Instant,
    /// How many units were taken together.
    parts: u32,
}

/// The units that a lane takes together, each with its turn.
pub(super) type Batch = Vec<(Queued, Turn)>;

/// What a lane finds in the queue.
enum Found {
    Work(Vec<(fair_queue::Turn, Queued)>),
    /// Nothing that may be taken now; if a time is given, look again then.
    Nothing(Option<Instant>),
    /// Nothing, and nothing will come.
    End,
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
            batch: settings.largest_batch.max(1),
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

    /// The next units that a lane may run together, at least one; none when the queue is closed and empty.
    pub(super) async fn take(self: &Arc<Self>) -> Option<Batch> {
        loop {
            let mut changed = pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            match self.find() {
                Found::Work(units) => return Some(self.batch(units)),
                Found::End => return None,
                Found::Nothing(None) => changed.await,
                Found::Nothing(Some(again)) => drop(timeout_at(again, changed).await),
            }
        }
    }

    fn batch(self: &Arc<Self>, units: Vec<(fair_queue::Turn, Queued)>) -> Batch {
        let began = Instant::now();
        let parts = u32::try_from(units.len()).unwrap_or(u32::MAX);
        let turn = |place| Turn {
            queue: Arc::clone(self),
            place,
            began,
            parts,
        };
        let units = units.into_iter();
        units.map(|(place, queued)| (queued, turn(place))).collect()
    }

    /// Queues units again that a lane has taken, before the others of their principals and in the same order.
    pub(super) fn put_back(&self, units: Batch) {
        // The turns are dropped last: that takes the lock, too.
        let mut turns = Vec::new();
        let mut state = self.state();
        for (queued, turn) in units.into_iter().rev() {
            state.fair.put_back(&turn.place, queued);
            turns.push(turn);
        }
        drop(state);
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
        let now = Instant::now();
        let (found, left, closed, again) = {
            let mut state = self.state();
            let found = state.fair.take_batch(now, &mut removed);
            let again = found.is_empty().then(|| state.fair.next_begin(now));
            (found, state.fair.len(), state.closed, again.flatten())
        };
        self.refuse(removed);
        if left > 0 && !found.is_empty() {
            // Another lane may be idle. One notification may stand for several units.
            self.changed.notify_one();
        } else if left == 0 && closed {
            self.changed.notify_waiters();
        }
        if !found.is_empty() {
            Found::Work(found)
        } else if left == 0 && closed {
            Found::End
        } else {
            Found::Nothing(again)
        }
    }

    /// Answers the units that were removed without a turn.
    fn refuse(&self, removed: Removed<Queued>) {
        let now = Instant::now();
        for queued in removed.over {
            self.metrics.refused(Refused::Over);
            if now >= queued.ticket.deadline {
                queued.refuse(Error::DeadlineExceeded);
            } else if now >= queued.ticket.wait_until {
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
        let used = now.saturating_duration_since(self.began) / self.parts;
        let left = {
            let mut state = self.queue.state();
            state.fair.release(&self.place, used, now);
            state.fair.len()
        };
        if left > 0 {
            // A unit of the same principal may have waited for this.
            self.queue.changed.notify_one();
        }
    }
}
