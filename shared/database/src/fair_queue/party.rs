//! What the queue knows of a principal.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The most that is charged, in microseconds: after eight half-lives all of it is forgotten.
const MAX_CHARGE: u64 = 1_000_000;

/// Charges that differ by less count as equal: 2^12 microseconds, about 4 ms.
const QUANTUM_BITS: u32 = 12;

#[derive(Debug)]
pub(super) struct Party<T> {
    pub(super) waiting: VecDeque<T>,
    /// Whether it is in the line. It may be there without an item, until it is reached.
    pub(super) in_line: bool,
    lanes: Vec<HeldLane>,
    /// Lane time in microseconds, as it was in the half-life `charged_in`.
    charge: u64,
    charged_in: u64,
}

/// A lane that runs items of the principal.
#[derive(Debug)]
struct HeldLane {
    batch: u64,
    items: usize,
    /// Since when, if the items are exclusive.
    exclusive_since: Option<Instant>,
}

impl<T> Default for Party<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            in_line: false,
            lanes: Vec::new(),
            charge: 0,
            charged_in: 0,
        }
    }
}

impl<T> Party<T> {
    /// How many lanes the principal holds.
    pub(super) const fn held(&self) -> usize {
        self.lanes.len()
    }

    /// The principal with the lowest rank goes first.
    pub(super) fn rank(&self, half_life: u64) -> (usize, u64) {
        (self.held(), self.debt(half_life))
    }

    /// Records an item that runs on the lane of this batch.
    pub(super) fn hold(&mut self, batch: u64, exclusive_since: Option<Instant>) {
        match self.lanes.iter_mut().find(|lane| lane.batch == batch) {
            Some(lane) => lane.items += 1,
            None => self.lanes.push(HeldLane {
                batch,
                items: 1,
                exclusive_since,
            }),
        }
    }

    /// Records that an item of this batch has ended.
    pub(super) fn let_go(&mut self, batch: u64) {
        self.lanes.retain_mut(|lane| {
            if lane.batch == batch {
                lane.items -= 1;
            }
            lane.items > 0
        });
    }

    /// Whether the principal holds the lane of this batch.
    pub(super) fn is_in(&self, batch: u64) -> bool {
        self.lanes.iter().any(|lane| lane.batch == batch)
    }

    /// When its newest exclusive items on lanes other than that of `batch` began.
    pub(super) fn exclusive_since(&self, batch: Option<u64>) -> Option<Instant> {
        let others = self.lanes.iter().filter(|lane| Some(lane.batch) != batch);
        others.filter_map(|lane| lane.exclusive_since).max()
    }

    pub(super) fn add_charge(&mut self, used: Duration, half_life: u64) {
        let used = u64::try_from(used.as_micros()).unwrap_or(u64::MAX);
        let charge = self.charge(half_life).saturating_add(used);
        (self.charge, self.charged_in) = (charge.min(MAX_CHARGE), half_life);
    }

    pub(super) fn debt(&self, half_life: u64) -> u64 {
        self.charge(half_life) >> QUANTUM_BITS
    }

    fn charge(&self, half_life: u64) -> u64 {
        let halvings = half_life.saturating_sub(self.charged_in).min(63);
        self.charge >> halvings
    }
}
