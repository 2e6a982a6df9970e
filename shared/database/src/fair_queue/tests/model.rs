//! The fair queue against a simple model, with random steps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Push { principal: u8, lives: Option<u64> },
    Take,
    Release { which: usize, used: u64 },
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let lives = proptest::option::weighted(0.2, 0_u64..2_000);
    prop_oneof![
        4 => (0_u8..6, lives).prop_map(|(principal, lives)| Step::Push { principal, lives }),
        3 => Just(Step::Take),
        3 => (any::<usize>(), 0_u64..3_000).prop_map(|(which, used)| Step::Release { which, used }),
        1 => (0_u64..1_500).prop_map(Step::Pass),
    ]
}

/// What must be true of the queue, kept in the simplest way.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<u8, VecDeque<Item>>,
    held: BTreeMap<u8, usize>,
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
        self.held.get(&principal).copied().unwrap_or_default()
    }

    /// The fewest lanes that a principal holds which waits with something that is not over, and may hold one more.
    fn fewest(&self, now: Instant, most: usize) -> Option<usize> {
        let waits = |items: &VecDeque<Item>| items.iter().any(|item| !item.is_over(now));
        let waiting = self.waiting.iter().filter(|(_, items)| waits(items));
        let held = waiting.map(|(principal, _)| self.held(*principal));
        held.filter(|held| *held < most).min()
    }
}

proptest! {
    #[test]
    fn bounds_order_and_fairness_hold_whatever_happens(steps in prop::collection::vec(step(), 1..300)) {
        let (total, share, most) = (12, 4, 3);
        let (mut line, mut now) = queue(total, share, most);
        let (mut model, mut turns) = (Model::default(), Vec::new());
        for (number, step) in (0..).zip(steps) {
            let mut removed = Removed::default();
            match step {
                Step::Push { principal, lives } => {
                    let over_at = lives.map(|lives| now + Duration::from_millis(lives + 1));
                    let new = Item(number, over_at);
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
                    let taken = line.take(now, &mut removed);
                    for gone in &removed.over {
                        prop_assert!(gone.is_over(now));
                        model.forget(gone);
                    }
                    prop_assert_eq!(taken.is_some(), fewest.is_some(), "a free lane does not idle");
                    if let Some((turn, item)) = taken {
                        prop_assert!(!item.is_over(now));
                        let of = |items: &VecDeque<Item>| items.front() == Some(&item);
                        let principal = model.waiting.iter().find(|(_, items)| of(items));
                        let principal = *principal.expect("first in, first out for each").0;
                        prop_assert_eq!(Some(model.held(principal)), fewest);
                        model.forget(&item);
                        *model.held.entry(principal).or_default() += 1;
                        turns.push((principal, turn));
                    }
                }
                Step::Release { which, used } if !turns.is_empty() => {
                    let (principal, turn) = turns.swap_remove(which % turns.len());
                    line.release(&turn, Duration::from_millis(used), now);
                    *model.held.get_mut(&principal).unwrap() -= 1;
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
        let bounds = Bounds { total: 1_000, share: 10, lanes_each: 1 };
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
