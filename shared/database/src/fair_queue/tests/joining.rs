//! What is taken together.

use std::any::TypeId;

use super::*;

fn joining<K: 'static>(subject: Option<u64>, exclusive: bool) -> Joining {
    Joining {
        kind: TypeId::of::<K>(),
        subject,
        exclusive,
    }
}

fn read(number: u32) -> Item {
    Item(number, None, Some(joining::<u8>(None, false)))
}

fn change(number: u32, subject: u64) -> Item {
    Item(number, None, Some(joining::<u16>(Some(subject), true)))
}

fn joined(batch: usize, lanes_each: usize) -> (Line, Instant) {
    let (mut line, now) = queue(1_000, 1_000, lanes_each);
    line.bounds.batch = batch;
    (line, now)
}

fn take_all(line: &mut Line, now: Instant) -> (Vec<Turn>, Vec<u32>) {
    let mut removed = Removed::default();
    let batch = line.take_batch(now, &mut removed);
    assert!(removed.over.is_empty());
    batch.into_iter().map(|(turn, item)| (turn, item.0)).unzip()
}

fn release_all(line: &mut Line, turns: &[Turn], now: Instant) {
    for turn in turns {
        line.release(turn, Duration::ZERO, now);
    }
}

#[test]
fn items_of_one_kind_are_taken_together_in_the_order_of_turns() {
    let (mut line, now) = joined(6, 1);
    for number in 0..5 {
        push(&mut line, 1, read(number), now).unwrap();
    }
    push(&mut line, 2, read(10), now).unwrap();
    push(&mut line, 2, read(11), now).unwrap();
    push(&mut line, 3, read(20), now).unwrap();
    let (turns, numbers) = take_all(&mut line, now);
    assert_eq!(numbers, [0, 10, 20, 1, 11, 2]);
    // All of them are on one lane, which each principal holds until its last item has ended.
    push(&mut line, 2, read(12), now).unwrap();
    assert!(take(&mut line, now).is_none());
    release_all(&mut line, &turns[..4], now);
    assert!(take(&mut line, now).is_none(), "1 and 2 still run on it");
    release_all(&mut line, &turns[4..], now);
    assert_eq!(take_all(&mut line, now).1, [3, 12, 4]);
}

#[test]
fn items_of_other_kinds_and_those_behind_them_stay() {
    let (mut line, now) = joined(10, 10);
    for item in [read(0), item(1), read(2)] {
        push(&mut line, 1, item, now).unwrap();
    }
    for item in [read(10), change(11, 1), read(12)] {
        push(&mut line, 2, item, now).unwrap();
    }
    for expected in [&[0, 10][..], &[1], &[11], &[2, 12], &[]] {
        assert_eq!(take_all(&mut line, now).1, expected);
    }
}

#[test]
fn two_items_about_the_same_are_not_taken_together() {
    let (mut line, now) = joined(10, 10);
    for item in [change(0, 7), change(1, 8), change(2, 7), change(3, 9)] {
        push(&mut line, 1, item, now).unwrap();
    }
    push(&mut line, 2, change(10, 9), now).unwrap();
    let (turns, numbers) = take_all(&mut line, now);
    assert_eq!(numbers, [0, 10, 1]);
    release_all(&mut line, &turns, now);
    assert_eq!(take_all(&mut line, now).1, [2, 3]);
}

#[test]
fn while_others_wait_one_principal_has_a_quarter_of_a_batch() {
    let (mut line, now) = joined(8, 10);
    for number in 0..20 {
        push(&mut line, 1, read(number), now).unwrap();
    }
    push(&mut line, 2, item(10), now).unwrap();
    assert_eq!(take_all(&mut line, now).1, [0, 1]);
    assert_eq!(take_all(&mut line, now).1, [10]);
    assert_eq!(take_all(&mut line, now).1, [2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn exclusive_items_of_one_principal_are_on_one_lane_until_the_first_takes_long() {
    let (mut line, now) = joined(10, 10);
    push(&mut line, 1, change(0, 0), now).unwrap();
    let (turns, _) = take_all(&mut line, now);
    push(&mut line, 1, change(1, 1), now).unwrap();
    push(&mut line, 1, change(2, 2), now).unwrap();
    push(&mut line, 2, change(10, 10), now).unwrap();
    push(&mut line, 2, read(11), now).unwrap();
    // Another's are not held back, nor joined by those that are.
    let (others, numbers) = take_all(&mut line, now);
    assert_eq!(numbers, [10]);
    assert_eq!(take_all(&mut line, now).1, [11]);
    assert_eq!(take_all(&mut line, now).1, [0; 0]);
    let end = line.next_begin(now).expect("the end of the wait");
    assert_eq!(take_all(&mut line, end - Duration::from_nanos(1)).1, [0; 0]);
    // The first one may wait for somebody else, so nobody joins this one.
    let (late, numbers) = take_all(&mut line, end);
    assert_eq!(numbers, [1]);
    assert_eq!(line.next_begin(end), Some(end + (end - now)));
    for turns in [turns, others, late] {
        release_all(&mut line, &turns, end);
    }
    assert_eq!(
        (line.next_begin(end), take_all(&mut line, end).1),
        (None, vec![2])
    );
}

#[test]
fn what_is_put_back_comes_first_and_counts_to_no_bound() {
    let (mut line, now) = queue(8, 4, 10);
    line.bounds.batch = 4;
    for number in 0..4 {
        push(&mut line, 1, change(number, number.into()), now).unwrap();
    }
    let mut removed = Removed::default();
    let batch = line.take_batch(now, &mut removed);
    push(&mut line, 2, item(10), now).unwrap();
    for number in 4..7 {
        push(&mut line, 1, change(number, number.into()), now).unwrap();
    }
    for (turn, Item(number, ..)) in batch.iter().rev() {
        line.put_back(turn, item(*number));
    }
    assert_eq!(line.len(), 8);
    for (turn, _) in &batch {
        line.release(turn, Duration::ZERO, now);
    }
    assert_eq!(push(&mut line, 1, item(8), now), Err(Full::Share));
    assert_eq!(numbers(&mut line, now), [10, 0, 1, 2, 3, 4]);
}

#[test]
fn with_a_largest_batch_of_one_nothing_is_joined_or_held_back() {
    let (mut line, now) = joined(1, 10);
    for number in 0..2 {
        push(&mut line, 1, change(number, number.into()), now).unwrap();
    }
    assert_eq!(take_all(&mut line, now).1, [0]);
    assert_eq!(take_all(&mut line, now).1, [1]);
}

#[test]
fn what_is_over_is_not_joined() {
    let (mut line, now) = joined(10, 10);
    let soon = now + Duration::from_millis(1);
    for (principal, number) in [(1, 0), (2, 10), (1, 1), (2, 11)] {
        let over = (number % 10 == 0).then_some(soon);
        push(&mut line, principal, Item(number, over, read(0).2), now).unwrap();
    }
    let mut removed = Removed::default();
    let batch = line.take_batch(soon, &mut removed);
    let numbers: Vec<_> = batch.iter().map(|(_, item)| item.0).collect();
    assert_eq!((numbers, removed.over.len()), (vec![1, 11], 2));
}
