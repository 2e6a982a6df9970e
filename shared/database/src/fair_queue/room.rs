//! Room in a queue that is full.

use std::collections::VecDeque;
use std::hash::Hash;

use tokio::time::Instant;

use super::{FairQueue, Removed, Waiting};

impl<P: Copy + Eq + Hash, T: Waiting> FairQueue<P, T> {
    /// Removes all items of a principal that are over.
    pub(super) fn remove_over(&mut self, place: usize, now: Instant, removed: &mut Removed<T>) {
        let party = &mut self.parties[place];
        let waiting = std::mem::take(&mut party.waiting).into_iter();
        let (over, left): (VecDeque<T>, VecDeque<T>) = waiting.partition(|item| item.is_over(now));
        party.waiting = left;
        self.waiting -= over.len();
        removed.over.extend(over);
    }

    /// Removes what is over, or else the newest item of the principal that has the most, if it has more than this one would have.
    pub(super) fn make_room(
        &mut self,
        place: usize,
        now: Instant,
        removed: &mut Removed<T>,
    ) -> bool {
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
