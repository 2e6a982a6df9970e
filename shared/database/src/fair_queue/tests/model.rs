//! The fair queue against a simple model, with random steps.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// The largest batch.
const BATCH: usize = 8;

#[derive(Debug, Clone)]
enum Step {
    Push {
        principal: u8,
        lives: Option<u64>,
        joining: Option<Joining>,
    },
    Take,
    Release {
        which: usize,
        used: u64,
    },
    Pass(u64),
}

/// Of three kinds: one runs alone, one joins, and one joins but is exclusive and about something.
fn joining() -> impl Strategy<Value = Option<Joining>> {
    let joining = |kind, subject| Joining {
        kind,
        subject,
        exclusive: subject.is_some(),
    };
    prop_oneof![
        2 => Just(None),
        3 => Just(Some(joining(TypeId::of::<u8>(), None))),
        3 => (0_u64..8).prop_map(move |subject| Some(joining(TypeId::of::<u16>(), Some(subject)))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let lives = proptest::option::weighted(0.2, 0_u64..2_000);
    let push = |(principal, lives, joining)| Step::Push {
        principal,
        lives,
        joining,
    };
    prop_oneof![
        4 => (0_u8..6, lives, joining()).prop_map(push),
        3 => Just(Step::Take),
        3 => (any::<usize>(), 0_u64..3_000).prop_map(|(which, used)| Step::Release { which, used }),
        1 => prop_oneof![0_u64..120, 0_u64..1_500].prop_map(Step::Pass),
    ]
}

/// A lane that runs items of a principal.
struct Held {
    batch: u64,
    items: usize,
    exclusive_since: Option<Instant>,
}

/// What must be true of the queue, kept in the simplest way.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<u8, VecDeque<Item>>,
    held: BTreeMap<u8, Vec<Held>>,
}

impl Model {
    fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    fn forget(&mut self, item: &Item) {
        for items in self.waiting.values_mut() {
            items.retain(|other| other != item);
        }
    }

    fn held(&self, principal: u8) -> usize {
        self.held.get(&principal).map(Vec::len).unwrap_or_default()
    }

    /// The next item of this principal, if a lane may begin it.
    fn next(&self, principal: u8, now: Instant, most: usize) -> Option<&Item> {
        let mut waiting = self.waiting.get(&principal)?.iter();
        let next = waiting.find(|item| !item.is_over(now))?;
        let is_exclusive = next.2.is_some_and(|joining| joining.exclusive);
        let lanes = self.held.get(&principal).into_iter().flatten();
        let mut since = lanes.filter_map(|lane| lane.exclusive_since);
        let held_back = is_exclusive && since.any(|since| now < since + Duration::from_millis(100));
        (self.held(principal) < most && !held_back).then_some(next)
    }

    /// The fewest lanes that a principal holds which waits with an item that a lane may begin.
    fn fewest(&self, now: Instant, most: usize) -> Option<usize> {
        let principals = self.waiting.keys().copied();
        let may_begin = principals.filter(|principal| self.next(*principal, now, most).is_some());
        may_begin.map(|principal| self.held(principal)).min()
    }

    /// Records that an item was taken, which must be the first of its principal; returns the principal.
    fn take(&mut self, turn: &Turn, item: &Item, now: Instant) -> u8 {
        let of = |items: &VecDeque<Item>| items.front() == Some(item);
        let principal = self.waiting.iter().find(|(_, items)| of(items));
        let principal = *principal.expect("first in, first out for each").0;
        self.forget(item);
        let lanes = self.held.entry(principal).or_default();
        match lanes.iter_mut().find(|lane| lane.batch == turn.batch) {
            Some(lane) => lane.items += 1,
            None => lanes.push(Held {
                batch: turn.batch,
                items: 1,
                exclusive_since: item.2.filter(|joining| joining.exclusive).map(|_| now),
            }),
        }
        principal
    }

    fn release(&mut self, principal: u8, turn: &Turn) {
        let lanes = self.held.get_mut(&principal).unwrap();
        let lane = lanes.iter_mut().find(|lane| lane.batch == turn.batch);
        lane.unwrap().items -= 1;
        lanes.retain(|lane| lane.items > 0);
    }

    /// What must hold for the items after the first of a batch, which were taken before this.
    fn check_joined(&self, batch: &[(u8, Item)], largest: usize, now: Instant) {
        assert!(batch.len() <= largest);
        let joining = batch.iter().map(|(_, item)| item.2.expect("it joins"));
        let kinds: BTreeSet<TypeId> = joining.clone().map(|joining| joining.kind).collect();
        assert_eq!(kinds.len(), 1);
        let mut subjects = joining.filter_map(|joining| joining.subject);
        let mut seen = BTreeSet::new();
        assert!(subjects.all(|subject| seen.insert(subject)));
        for (principal, item) in &batch[1..] {
            let exclusive = item.2.is_some_and(|joining| joining.exclusive);
            let elsewhere = self.held[principal]
                .iter()
                .filter(|lane| lane.exclusive_since.is_some());
            assert!(
                !exclusive || elsewhere.count() == 1,
                "its changes are on one lane"
            );
        }
        let of_other_kind = |items: &VecDeque<Item>| {
            let next = items.iter().find(|item| !item.is_over(now));
            next.is_some_and(|next| next.2.is_none_or(|joining| !kinds.contains(&joining.kind)))
        };
        let mut shares = BTreeMap::<u8, usize>::new();
        for (principal, _) in batch {
            *shares.entry(*principal).or_default() += 1;
        }
        for (principal, share) in shares {
            let mut others = self
                .waiting
                .iter()
                .filter(|(other, _)| **other != principal);
            // A principal in the batch may have had an item of another kind behind.
            let wait = others.any(|(other, items)| {
                of_other_kind(items) && batch.iter().all(|(principal, _)| principal != other)
            });
            assert!(
                !wait || share <= largest / 4,
                "{share} of {largest} while others wait"
            );
        }
    }
}

proptest! {
    #[test]
    fn bounds_order_and_fairness_hold_whatever_happens(steps in prop::collection::vec(step(), 1..300)) {
        let (total, share, most) = (24, 8, 3);
        let (mut line, mut now) = queue(total, share, most);
        line.bounds.batch = BATCH;
        let (mut model, mut turns) = (Model::default(), Vec::new());
        for (number, step) in (0..).zip(steps) {
            let mut removed = Removed::default();
            match step {
                Step::Push { principal, lives, joining } => {
                    let over_at = lives.map(|lives| now + Duration::from_millis(lives + 1));
                    let new = Item(number, over_at, joining);
                    let pushed = line.push(principal, new.clone(), now, &mut removed);
                    for gone in removed.over.iter().chain(&removed.displaced) {
                        model.forget(gone);
                    }
                    let own = model.waiting.entry(principal).or_default();
                    match pushed {
                        Ok(()) => own.push_back(new),
                        Err((_, Full::Share)) => prop_assert_eq!(own.len(), share),
                        Err((_, Full::Total)) => prop_assert_eq!(model.len(), total),
                    }
                }
                Step::Take => {
                    let fewest = model.fewest(now, most);
                    let taken = line.take_batch(now, &mut removed);
                    for gone in &removed.over {
                        prop_assert!(gone.is_over(now));
                        model.forget(gone);
                    }
                    prop_assert_eq!(!taken.is_empty(), fewest.is_some(), "a free lane does not idle");
                    let mut batch = Vec::new();
                    for (turn, item) in taken {
                        prop_assert!(!item.is_over(now));
                        let principal = model.take(&turn, &item, now);
                        if batch.is_empty() {
                            prop_assert_eq!(Some(model.held(principal) - 1), fewest);
                        }
                        prop_assert!(model.held(principal) <= most);
                        batch.push((principal, item));
                        turns.push((principal, turn));
                    }
                    if batch.len() > 1 {
                        model.check_joined(&batch, BATCH, now);
                    }
                }
                Step::Release { which, used } if !turns.is_empty() => {
                    let (principal, turn) = turns.swap_remove(which % turns.len());
                    line.release(&turn, Duration::from_millis(used), now);
                    model.release(principal, &turn);
                }
                Step::Release { .. } => {}
                Step::Pass(millis) => now += Duration::from_millis(millis),
            }
            prop_assert_eq!(line.len(), model.len());
            prop_assert!(line.len() <= total);
        }
    }

    /// One lane, a principal that has used the lane as much as it can be charged for, and another new principal before every turn.
    #[test]
    fn whoever_waits_is_served_however_many_others_come(cost in 1_u64..200) {
        let now = Instant::now();
        let bounds = Bounds { total: 1_000, share: 10, lanes_each: 1, batch: 1 };
        let mut line = FairQueue::<u32, Item>::new(bounds, now);
        let mut removed = Removed::default();
        line.push(0, item(0), now, &mut removed).unwrap();
        let (turn, _) = line.take(now, &mut removed).unwrap();
        line.release(&turn, Duration::from_mins(1), now);
        line.push(0, item(0), now, &mut removed).unwrap();
        let (cost, mut later) = (Duration::from_millis(cost), now);
        for newcomer in 1.. {
            line.push(newcomer, item(newcomer), later, &mut removed).unwrap();
            let (turn, taken) = line.take(later, &mut removed).unwrap();
            if taken.0 == 0 {
                break;
            }
            later += cost;
            line.release(&turn, cost, later);
            prop_assert!(later < now + 9 * HALF_LIFE + cost);
        }
    }
}
