//! Whose turn it is: a queue with a share for each principal. It does no I/O, and time is an argument.
//!
//! - The waiting principal that holds the fewest lanes goes first. Of those that hold as many, the one that has used less lane time
//!   lately goes first; of those that have used as much, the one that has waited longest since its last turn.
//! - The cost of an item is not known before it has run. So it is charged afterwards, by the lane time that was measured, and
//!   forgotten by half every [`HALF_LIFE`]: whoever waits goes first sooner or later, however many others come.
//! - A principal holds at most `lanes_each` lanes and waits with at most `share` items. When the whole queue is full, the principal with
//!   the most items gives up its newest for one that has fewer.
//! - An item that is over (its caller has gone, or it is too late) costs nobody a turn: it is handed back when it is found at the head.
//!
//! A lane may take several items of one kind together, of several principals ([`FairQueue::take_batch`]): each is a [`Turn`] of its own, and
//! is given back with the part of the lane time that it cost.

mod joining;
mod party;
mod room;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

pub(super) use self::joining::Joining;
use self::party::Party;

/// After this time, half of a charge is forgotten.
const HALF_LIFE: Duration = Duration::from_millis(500);

/// Fewer principals than this are never searched for those that can be forgotten.
const FIRST_SWEEP: usize = 64;

#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The most items that wait.
    pub(super) total: usize,
    /// The most items of one principal that wait.
    pub(super) share: usize,
    /// The most lanes that one principal holds.
    pub(super) lanes_each: usize,
    /// The most items that a lane takes together.
    pub(super) batch: usize,
}

/// Something that waits.
pub(super) trait Waiting {
    /// Whether it need not run any more.
    fn is_over(&self, now: Instant) -> bool;
    /// How it runs together with others; `None` if it runs alone.
    fn joining(&self) -> Option<Joining>;
}

/// Why an item was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The whole queue is full.
    Total,
    /// The principal's share of it is.
    Share,
}

/// The right to a lane. It must be given back to [`FairQueue::release`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    place: usize,
    /// A number that items have in common which are taken together.
    batch: u64,
}

/// The items that an operation has removed from the queue. They must be refused.
#[derive(Debug)]
pub(super) struct Removed<T> {
    /// They are over.
    pub(super) over: Vec<T>,
    /// It gave way to one of a principal that has fewer.
    pub(super) displaced: Option<T>,
}

#[derive(Debug)]
pub(super) struct FairQueue<P, T> {
    bounds: Bounds,
    /// Half-lives are counted from here.
    began: Instant,
    parties: Vec<Party<T>>,
    places: HashMap<P, usize>,
    /// Places in `parties` that are free.
    free: Vec<usize>,
    /// The places of the principals that wait, in the order of their turns.
    line: VecDeque<usize>,
    waiting: usize,
    sweep_at: usize,
    /// How many batches were taken; a single item counts as one.
    batches: u64,
}

impl<T> Default for Removed<T> {
    fn default() -> Self {
        Self {
            over: Vec::new(),
            displaced: None,
        }
    }
}

impl<P: Copy + Eq + Hash, T: Waiting> FairQueue<P, T> {
    pub(super) fn new(bounds: Bounds, now: Instant) -> Self {
        Self {
            bounds,
            began: now,
            parties: Vec::new(),
            places: HashMap::new(),
            free: Vec::new(),
            line: VecDeque::new(),
            waiting: 0,
            sweep_at: FIRST_SWEEP,
            batches: 0,
        }
    }

    /// How many items wait.
    pub(super) const fn len(&self) -> usize {
        self.waiting
    }

    /// Queues an item.
    pub(super) fn push(
        &mut self,
        principal: P,
        item: T,
        now: Instant,
        removed: &mut Removed<T>,
    ) -> Result<(), (T, Full)> {
        let place = self.place(principal, now);
        if self.parties[place].waiting.len() >= self.bounds.share {
            self.remove_over(place, now, removed);
            if self.parties[place].waiting.len() >= self.bounds.share {
                let alone = self.bounds.share >= self.bounds.total;
                return Err((item, if alone { Full::Total } else { Full::Share }));
            }
        }
        if self.waiting >= self.bounds.total && !self.make_room(place, now, removed) {
            return Err((item, Full::Total));
        }
        self.parties[place].waiting.push_back(item);
        self.waiting += 1;
        self.line_up(place);
        Ok(())
    }

    /// The next item whose principal may hold one more lane.
    pub(super) fn take(&mut self, now: Instant, removed: &mut Removed<T>) -> Option<(Turn, T)> {
        let half_life = self.half_life(now);
        let mut best: Option<((usize, u64), usize)> = None;
        let mut position = 0;
        while let Some(&place) = self.line.get(position) {
            if !self.remove_over_head(place, now, removed) {
                self.parties[place].in_line = false;
                self.line.remove(position);
                continue;
            }
            let rank = self.parties[place].rank(half_life);
            if self.may_begin(place, now) && best.is_none_or(|(best, _)| rank < best) {
                best = Some((rank, position));
                if rank == (0, 0) {
                    break;
                }
            }
            position += 1;
        }
        let place = self.line.remove(best?.1)?;
        self.batches += 1;
        let taken = self.take_from(place, now);
        self.parties[place].in_line = false;
        self.line_up(place);
        taken
    }

    /// Whether the first item of this principal may be taken.
    fn may_begin(&self, place: usize, now: Instant) -> bool {
        let party = &self.parties[place];
        party.held() < self.bounds.lanes_each && self.held_until(place).is_none_or(|end| now >= end)
    }

    /// The first item of this principal, for the current batch.
    fn take_from(&mut self, place: usize, now: Instant) -> Option<(Turn, T)> {
        let batch = self.batches;
        let party = &mut self.parties[place];
        let item = party.waiting.pop_front()?;
        self.waiting -= 1;
        let is_exclusive = item.joining().is_some_and(|joining| joining.exclusive);
        party.hold(batch, is_exclusive.then_some(now));
        Some((Turn { place, batch }, item))
    }

    /// Puts the principal at the end of the line, if it waits and is not there.
    fn line_up(&mut self, place: usize) {
        let party = &mut self.parties[place];
        if !party.waiting.is_empty() && !party.in_line {
            party.in_line = true;
            self.line.push_back(place);
        }
    }

    /// Removes items that are over, up to the first that is not; whether there is one.
    fn remove_over_head(&mut self, place: usize, now: Instant, removed: &mut Removed<T>) -> bool {
        let party = &mut self.parties[place];
        while let Some(over) = party.waiting.pop_front_if(|head| head.is_over(now)) {
            removed.over.push(over);
            self.waiting -= 1;
        }
        !party.waiting.is_empty()
    }

    /// Any item, out of turn and without a lane.
    pub(super) fn take_any(&mut self) -> Option<T> {
        while let Some(&place) = self.line.front() {
            if let Some(item) = self.parties[place].waiting.pop_front() {
                self.waiting -= 1;
                return Some(item);
            }
            self.parties[place].in_line = false;
            self.line.pop_front();
        }
        None
    }

    /// Gives a turn back, and charges the lane time that was used. The lane is given back with the last turn of its batch.
    pub(super) fn release(&mut self, turn: &Turn, used: Duration, now: Instant) {
        let half_life = self.half_life(now);
        let party = &mut self.parties[turn.place];
        party.add_charge(used, half_life);
        party.let_go(turn.batch);
    }

    /// Queues an item again that was taken with this turn, before the others of its principal. It counts to no bound.
    pub(super) fn put_back(&mut self, turn: &Turn, item: T) {
        self.parties[turn.place].waiting.push_front(item);
        self.waiting += 1;
        self.line_up(turn.place);
    }

    fn half_life(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.began);
        u64::try_from(passed.as_millis() / HALF_LIFE.as_millis()).unwrap_or(u64::MAX)
    }

    /// Where this principal is in `parties`.
    fn place(&mut self, principal: P, now: Instant) -> usize {
        if let Some(place) = self.places.get(&principal) {
            return *place;
        }
        if self.places.len() >= self.sweep_at {
            self.forget_idle(now);
        }
        let place = if let Some(place) = self.free.pop() {
            self.parties[place] = Party::default();
            place
        } else {
            self.parties.push(Party::default());
            self.parties.len() - 1
        };
        self.places.insert(principal, place);
        place
    }

    /// Forgets the principals of which nothing is left to know.
    fn forget_idle(&mut self, now: Instant) {
        let half_life = self.half_life(now);
        let (parties, free) = (&self.parties, &mut self.free);
        self.places.retain(|_, place| {
            let party = &parties[*place];
            let known = party.in_line || party.held() > 0 || party.debt(half_life) > 0;
            if !known {
                free.push(*place);
            }
            known
        });
        self.sweep_at = FIRST_SWEEP.max(2 * self.places.len());
    }
}
