//! The fair queue alone, with a clock that the tests set.

mod joining;
mod model;

use super::*;

/// An item: a number, when it is over, and how it joins others.
#[derive(Debug, Clone)]
struct Item(u32, Option<Instant>, Option<Joining>);

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Item {}

impl Waiting for Item {
    fn is_over(&self, now: Instant) -> bool {
        self.1.is_some_and(|until| now >= until)
    }

    fn joining(&self) -> Option<Joining> {
        self.2
    }
}

type Line = FairQueue<u8, Item>;

fn item(number: u32) -> Item {
    Item(number, None, None)
}

fn queue(total: usize, share: usize, lanes_each: usize) -> (Line, Instant) {
    let now = Instant::now();
    let bounds = Bounds {
        total,
        share,
        lanes_each,
        batch: 1,
    };
    (FairQueue::new(bounds, now), now)
}

fn push(line: &mut Line, principal: u8, item: Item, now: Instant) -> Result<(), Full> {
    let mut removed = Removed::default();
    let pushed = line.push(principal, item, now, &mut removed);
    assert!(removed.over.is_empty() && removed.displaced.is_none());
    pushed.map_err(|(_item, full)| full)
}

fn take(line: &mut Line, now: Instant) -> Option<(Turn, u32)> {
    let mut removed = Removed::default();
    let (turn, item) = line.take(now, &mut removed)?;
    assert!(removed.over.is_empty());
    Some((turn, item.0))
}

fn numbers(line: &mut Line, now: Instant) -> Vec<u32> {
    std::iter::from_fn(|| take(line, now).map(|(_turn, number)| number)).collect()
}

#[test]
fn principals_take_turns_whatever_one_of_them_queued_before() {
    let (mut line, now) = queue(100, 100, 100);
    for number in 0..4 {
        push(&mut line, 1, item(number), now).unwrap();
    }
    push(&mut line, 2, item(10), now).unwrap();
    push(&mut line, 3, item(20), now).unwrap();
    push(&mut line, 2, item(11), now).unwrap();
    assert_eq!(numbers(&mut line, now), [0, 10, 20, 1, 11, 2, 3]);
}

#[test]
fn the_one_that_holds_the_fewest_lanes_goes_first() {
    let (mut line, now) = queue(100, 100, 100);
    for number in 0..3 {
        push(&mut line, 1, item(number), now).unwrap();
    }
    let held: Vec<_> = (0..2).map(|_| take(&mut line, now).unwrap()).collect();
    push(&mut line, 2, item(10), now).unwrap();
    push(&mut line, 2, item(11), now).unwrap();
    push(&mut line, 2, item(12), now).unwrap();
    assert_eq!(numbers(&mut line, now), [10, 11, 2, 12]);
    assert_eq!(held.len(), 2);
}

#[test]
fn nobody_holds_more_lanes_than_the_bound_and_a_lane_given_back_can_be_taken() {
    let (mut line, now) = queue(100, 100, 2);
    for number in 0..5 {
        push(&mut line, 1, item(number), now).unwrap();
    }
    let (first, _) = take(&mut line, now).unwrap();
    take(&mut line, now).unwrap();
    assert!(take(&mut line, now).is_none());
    push(&mut line, 2, item(10), now).unwrap();
    assert_eq!(take(&mut line, now).unwrap().1, 10);
    line.release(&first, Duration::ZERO, now);
    assert_eq!(take(&mut line, now).unwrap().1, 2);
    assert!(take(&mut line, now).is_none());
}

#[test]
fn lane_time_is_charged_afterwards_and_forgotten() {
    let (mut line, now) = queue(100, 100, 100);
    let costs = [
        (1, Duration::from_millis(400)),
        (2, Duration::from_millis(20)),
    ];
    for (principal, cost) in costs {
        push(&mut line, principal, item(0), now).unwrap();
        let (turn, _) = take(&mut line, now).unwrap();
        line.release(&turn, cost, now);
    }
    let wait = |line: &mut Line, now| {
        push(line, 1, item(1), now).unwrap();
        push(line, 2, item(2), now).unwrap();
        push(line, 3, item(3), now).unwrap();
        let order: Vec<_> = (0..3).map(|_| take(line, now).unwrap()).collect();
        for (turn, _) in &order {
            line.release(turn, Duration::ZERO, now);
        }
        order
            .into_iter()
            .map(|(_, number)| number)
            .collect::<Vec<_>>()
    };
    assert_eq!(wait(&mut line, now), [3, 2, 1]);
    // After three half-lives 20 ms are below the quantum, and 400 ms are not.
    assert_eq!(wait(&mut line, now + 3 * HALF_LIFE), [2, 3, 1]);
    assert_eq!(wait(&mut line, now + 8 * HALF_LIFE), [1, 2, 3]);
}

#[test]
fn both_bounds_hold_and_the_longest_waiter_gives_way_to_the_shortest() {
    let (mut line, now) = queue(4, 3, 100);
    for number in 0..3 {
        push(&mut line, 1, item(number), now).unwrap();
    }
    assert_eq!(push(&mut line, 1, item(3), now), Err(Full::Share));
    push(&mut line, 2, item(10), now).unwrap();
    let mut removed = Removed::default();
    line.push(3, item(20), now, &mut removed).unwrap();
    assert_eq!(removed.displaced.take(), Some(item(2)));
    // Nobody has two more than the new one would have.
    assert_eq!(push(&mut line, 2, item(11), now), Err(Full::Total));
    assert_eq!(line.len(), 4);
    assert_eq!(numbers(&mut line, now), [0, 10, 20, 1]);
}

#[test]
fn what_is_over_costs_no_turn_and_no_place() {
    let (mut line, now) = queue(4, 2, 100);
    let soon = now + Duration::from_millis(1);
    let over = |number| Item(number, Some(soon), None);
    push(&mut line, 1, over(0), now).unwrap();
    push(&mut line, 1, item(1), now).unwrap();
    push(&mut line, 2, over(10), now).unwrap();
    push(&mut line, 3, item(20), now).unwrap();
    let mut removed = Removed::default();
    let (_, first) = line.take(soon, &mut removed).unwrap();
    assert_eq!((first, removed.over.as_slice()), (item(1), &[over(0)][..]));
    let (_, second) = line.take(soon, &mut removed).unwrap();
    assert_eq!((second, removed.over.len()), (item(20), 2));

    let (mut line, now) = queue(2, 2, 100);
    push(&mut line, 1, over(0), now).unwrap();
    push(&mut line, 1, over(1), now).unwrap();
    let mut removed = Removed::default();
    line.push(1, item(2), soon, &mut removed).unwrap();
    assert_eq!((removed.over.len(), line.len()), (2, 1));
    let mut removed = Removed::default();
    line.push(2, item(3), soon, &mut removed).unwrap();
    line.push(3, item(4), soon, &mut removed).unwrap_err();
    assert!(removed.over.is_empty());
}

#[test]
fn principals_that_left_nothing_are_forgotten() {
    let now = Instant::now();
    let bounds = Bounds {
        total: 10,
        share: 10,
        lanes_each: 10,
        batch: 1,
    };
    let mut line = FairQueue::<u32, Item>::new(bounds, now);
    for principal in 0..100_000 {
        let mut removed = Removed::default();
        line.push(principal, item(0), now, &mut removed).unwrap();
        let (turn, _) = line.take(now, &mut removed).unwrap();
        line.release(&turn, Duration::from_micros(100), now);
    }
    assert!(
        line.parties.len() <= 2 * FIRST_SWEEP,
        "{}",
        line.parties.len()
    );
}
