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
//! A lane may take several items, of several principals, one after the other: each is a [`Turn`] of its own, and is given back with
//! the part of the lane time that it cost.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// After this time, half of a charge is forgotten.
const HALF_LIFE: Duration = Duration::from_millis(500);

/// The most that is charged, in microseconds: after eight half-lives all of it is forgotten.
const MAX_CHARGE: u64 = 1_000_000;

/// Charges that differ by less count as equal: 2^12 microseconds, about 4 ms.
const QUANTUM_BITS: u32 = 12;

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
}

/// Something that waits.
pub(super) trait Waiting {
    /// Whether it need not run any more.
    fn is_over(&self, now: Instant) -> bool;
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
pub(super) struct Turn(usize);

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
}

/// What is known of a principal.
#[derive(Debug)]
struct Party<T> {
    waiting: VecDeque<T>,
    /// Whether it is in the line. It may be there without an item, until it is reached.
    in_line: bool,
    held: usize,
    /// Lane time in microseconds, as it was in the half-life `charged_in`.
    charge: u64,
    charged_in: u64,
}

impl<T> Default for Removed<T> {
    fn default() -> Self {
        Self {
            over: Vec::new(),
            displaced: None,
        }
    }
}

impl<T> Party<T> {
    fn charge(&self, half_life: u64) -> u64 {
        let halvings = half_life.saturating_sub(self.charged_in).min(63);
        self.charge >> halvings
    }

    fn debt(&self, half_life: u64) -> u64 {
        self.charge(half_life) >> QUANTUM_BITS
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
        let party = &mut self.parties[place];
        if !party.in_line {
            party.in_line = true;
            self.line.push_back(place);
        }
        party.waiting.push_back(item);
        self.waiting += 1;
        Ok(())
    }

    /// The next item whose principal may hold one more lane.
    pub(super) fn take(&mut self, now: Instant, removed: &mut Removed<T>) -> Option<(Turn, T)> {
        let half_life = self.half_life(now);
        let mut best: Option<((usize, u64), usize)> = None;
        let mut position = 0;
        while let Some(&place) = self.line.get(position) {
            let party = &mut self.parties[place];
            while let Some(over) = party.waiting.pop_front_if(|head| head.is_over(now)) {
                removed.over.push(over);
                self.waiting -= 1;
            }
            if party.waiting.is_empty() {
                party.in_line = false;
                self.line.remove(position);
                continue;
            }
            let rank = (party.held, party.debt(half_life));
            if party.held < self.bounds.lanes_each && best.is_none_or(|(best, _)| rank < best) {
                best = Some((rank, position));
                if rank == (0, 0) {
                    break;
                }
            }
            position += 1;
        }
        let place = self.line.remove(best?.1)?;
        let party = &mut self.parties[place];
        let item = party.waiting.pop_front()?;
        party.held += 1;
        self.waiting -= 1;
        party.in_line = !party.waiting.is_empty();
        if party.in_line {
            self.line.push_back(place);
        }
        Some((Turn(place), item))
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

    /// Gives a lane back, and charges the lane time that was used.
    pub(super) fn release(&mut self, turn: &Turn, used: Duration, now: Instant) {
        let half_life = self.half_life(now);
        let party = &mut self.parties[turn.0];
        let used = u64::try_from(used.as_micros()).unwrap_or(u64::MAX);
        let charge = party.charge(half_life).saturating_add(used);
        (party.charge, party.charged_in) = (charge.min(MAX_CHARGE), half_life);
        party.held -= 1;
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
        let party = Party {
            waiting: VecDeque::new(),
            in_line: false,
            held: 0,
            charge: 0,
            charged_in: 0,
        };
        let place = if let Some(place) = self.free.pop() {
            self.parties[place] = party;
            place
        } else {
            self.parties.push(party);
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
            let known = party.in_line || party.held > 0 || party.debt(half_life) > 0;
            if !known {
                free.push(*place);
            }
            known
        });
        self.sweep_at = FIRST_SWEEP.max(2 * self.places.len());
    }

    fn remove_over(&mut self, place: usize, now: Instant, removed: &mut Removed<T>) {
        let party = &mut self.parties[place];
        let waiting = std::mem::take(&mut party.waiting).into_iter();
        let (over, left): (VecDeque<T>, VecDeque<T>) = waiting.partition(|item| item.is_over(now));
        party.waiting = left;
        self.waiting -= over.len();
        removed.over.extend(over);
    }

    /// Removes what is over, or else the newest item of the principal that has the most, if it has more than this one would have.
    fn make_room(&mut self, place: usize, now: Instant, removed: &mut Removed<T>) -> bool {
        for position in 0..self.line.len() {
            self.remove_over(self.line[position], now, removed);
        }
        if self.waiting < self.bounds.total {
            return true;
        }
        let longest = self.line.iter().copied();
        let longest = longest.max_by_key(|place| self.parties[*place].waiting.len());
        let own = self.parties[place].waiting.len();
        let Some(longest) = longest.filter(|one| self.parties[*one].waiting.len() > own + 1) else {
            return false;
        };
        removed.displaced = self.parties[longest].waiting.pop_back();
        self.waiting -= 1;
        true
    }
}
