//! Which items a lane takes together.
//!
//! - They are of one kind, and no two have the same subject.
//! - They are taken in the order of turns: the first item of each principal, then the second of each, and so on. A principal's items are
//!   taken in their order.
//! - While a principal waits whose next item cannot be taken with them, no principal has more than a quarter of the batch.
//! - **Exclusive** items of one principal are not on two lanes at once: the second would only wait for a lock that the first holds, while
//!   in the queue it can be taken together with others. After [`EXCLUSIVE_FOR`] it need not wait any longer: the first may wait for
//!   somebody else.

use std::any::TypeId;
use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use super::{FairQueue, Removed, Turn, Waiting};

/// How long exclusive items keep other exclusive items of their principal from beginning.
const EXCLUSIVE_FOR: Duration = Duration::from_millis(100);

/// How an item runs together with others.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Joining {
    /// Only items of the same kind run together.
    pub(in super::super) kind: TypeId,
    /// What the item is about. Items about the same do not run together.
    pub(in super::super) subject: Option<u64>,
    /// Whether those of one principal run on one lane at a time.
    pub(in super::super) exclusive: bool,
}

/// A principal whose next item may be taken.
struct Candidate {
    place: usize,
    taken: usize,
}

impl<P: Copy + Eq + Hash, T: Waiting> FairQueue<P, T> {
    /// The next item whose principal may hold one more lane, and all that may run together with it, in the order of turns.
    pub(in super::super) fn take_batch(
        &mut self,
        now: Instant,
        removed: &mut Removed<T>,
    ) -> Vec<(Turn, T)> {
        let first = self.take(now, removed);
        let joining = first.as_ref().and_then(|(_turn, item)| item.joining());
        let mut batch: Vec<_> = first.into_iter().collect();
        if let Some(joining) = joining {
            batch.append(&mut self.join(joining, now, removed));
        }
        batch
    }

    fn join(&mut self, first: Joining, now: Instant, removed: &mut Removed<T>) -> Vec<(Turn, T)> {
        let mut joined = Vec::new();
        if self.bounds.batch <= 1 {
            return joined;
        }
        let (mut candidates, others_wait) = self.candidates(first, now, removed);
        let share = if others_wait {
            (self.bounds.batch / 4).max(1)
        } else {
            self.bounds.batch
        };
        let places: Vec<usize> = candidates.iter().map(|candidate| candidate.place).collect();
        let mut subjects: HashSet<u64> = first.subject.into_iter().collect();
        while !candidates.is_empty() && joined.len() + 1 < self.bounds.batch {
            candidates.retain_mut(|candidate| {
                let room = candidate.taken < share && joined.len() + 1 < self.bounds.batch;
                let taken = room
                    .then(|| {
                        self.take_joinable(candidate.place, first, &mut subjects, now, removed)
                    })
                    .flatten();
                candidate.taken += 1;
                let is_taken = taken.is_some();
                joined.extend(taken);
                is_taken
            });
        }
        self.move_back(&places);
        joined
    }

    /// When a principal that is held back may begin its exclusive items, at the earliest.
    pub(in super::super) fn next_begin(&self, now: Instant) -> Option<Instant> {
        let line = self.line.iter();
        let ends = line.filter_map(|place| self.held_until(*place));
        ends.filter(|end| *end > now).min()
    }

    /// Until when the first item of this principal is held back.
    pub(super) fn held_until(&self, place: usize) -> Option<Instant> {
        let party = &self.parties[place];
        let joining = party.waiting.front()?.joining()?;
        if !joining.exclusive || self.bounds.batch <= 1 {
            return None;
        }
        Some(party.exclusive_since(None)? + EXCLUSIVE_FOR)
    }

    /// The principals that may have an item in the current batch, in the order of their turns; and whether others wait.
    fn candidates(
        &mut self,
        first: Joining,
        now: Instant,
        removed: &mut Removed<T>,
    ) -> (Vec<Candidate>, bool) {
        let half_life = self.half_life(now);
        let (mut candidates, mut others_wait) = (Vec::new(), false);
        for position in 0..self.line.len() {
            let place = self.line[position];
            self.remove_over_head(place, now, removed);
            let party = &self.parties[place];
            let may_hold = party.is_in(self.batches) || party.held() < self.bounds.lanes_each;
            let elsewhere = first.exclusive && party.exclusive_since(Some(self.batches)).is_some();
            let next = party.waiting.front().and_then(Waiting::joining);
            if may_hold && !elsewhere && next.is_some_and(|next| next.kind == first.kind) {
                // The one that was taken first has had one turn more.
                let taken = usize::from(party.is_in(self.batches));
                candidates.push((party.rank(half_life), Candidate { place, taken }));
            } else if !party.waiting.is_empty() {
                others_wait = true;
            }
        }
        candidates.sort_by_key(|(rank, _)| *rank);
        let in_order = candidates.into_iter();
        let in_order = in_order.map(|(_rank, candidate)| candidate);
        (in_order.collect(), others_wait)
    }

    fn take_joinable(
        &mut self,
        place: usize,
        first: Joining,
        subjects: &mut HashSet<u64>,
        now: Instant,
        removed: &mut Removed<T>,
    ) -> Option<(Turn, T)> {
        self.remove_over_head(place, now, removed);
        let next = self.parties[place].waiting.front()?.joining()?;
        let is_new = next.subject.is_none_or(|subject| subjects.insert(subject));
        if next.kind != first.kind || !is_new {
            return None;
        }
        self.take_from(place, now)
    }

    /// Moves those who have had a turn in the current batch to the end of the line.
    fn move_back(&mut self, places: &[usize]) {
        for place in places {
            let party = &mut self.parties[*place];
            party.in_line = !party.is_in(self.batches);
        }
        self.line.retain(|place| self.parties[*place].in_line);
        for place in places {
            self.line_up(*place);
        }
    }
}
