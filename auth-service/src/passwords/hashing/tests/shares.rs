//! Whose turn it is, and who gives way.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::mpsc,
};

use api::ids::UserId;
use chrono::DateTime;

use super::*;

/// Work that sends its name when it runs, and again with a mark when it is refused.
struct Named {
    name: String,
    done: mpsc::Sender<String>,
}

impl Work for Named {
    fn is_abandoned(&self) -> bool {
        false
    }

    fn run(self: Box<Self>, _arena: &mut Arena) {
        self.done.send(self.name).unwrap();
    }

    fn refuse(self: Box<Self>) {
        self.done.send(format!("-{}", self.name)).unwrap();
    }
}

/// A queue whose jobs nobody takes until all of them are there.
struct Desk {
    queue: QueueSender,
    jobs: QueueReceiver,
    done: mpsc::Sender<String>,
    named: mpsc::Receiver<String>,
}

impl Desk {
    fn new(length: usize) -> Self {
        let (queue, jobs) = lines::lines(length);
        let (done, named) = mpsc::channel();
        Self {
            queue,
            jobs,
            done,
            named,
        }
    }

    fn put(&self, name: &str, principal: HashingPrincipal) -> Result<(), HashError> {
        let job = Named {
            name: name.to_owned(),
            done: self.done.clone(),
        };
        self.queue.put(principal, Box::new(job))
    }

    /// The names in the order in which the jobs were refused and run.
    fn finish(self) -> Vec<String> {
        drop((self.queue, self.done));
        let like = StoredHash::new(&CHEAP, None, &[0; 48]).unwrap();
        let mut arena = Arena::new(&like);
        for taken in self.jobs {
            taken.run(&mut arena);
        }
        self.named.iter().collect()
    }
}

/// Somebody at an address who tries to sign in to an account.
fn at(address: u8, account: u8) -> HashingPrincipal {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, address));
    HashingPrincipal::anyone([account; 32], Some(address))
}

/// A known device of an account.
fn device(address: u8, account: u8, device: u8) -> HashingPrincipal {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, address));
    let mut principal = HashingPrincipal::known(
        UserId::at(DateTime::UNIX_EPOCH),
        [device; 32],
        Some(address),
    );
    // Ids made at one time differ, but an account has one.
    principal.account = [account; 32];
    principal
}

#[test]
fn both_lines_are_served_in_turn_while_both_are_full() {
    let desk = Desk::new(3);
    for number in 0..3 {
        desk.put("anyone", at(number, number)).unwrap();
    }
    for number in 0..3 {
        desk.put("known", device(number, number, 0)).unwrap();
    }
    let turns = ["known", "anyone"].repeat(3);
    assert_eq!(desk.finish(), turns);
}

#[test]
fn addresses_take_turns_and_within_an_address_accounts_do() {
    let desk = Desk::new(16);
    for (name, principal) in [
        ("1a", at(1, 10)),
        ("1a again", at(1, 10)),
        ("1b", at(1, 11)),
        ("1c", at(1, 12)),
        ("2", at(2, 20)),
        ("3", at(3, 30)),
        ("2 again", at(2, 21)),
    ] {
        desk.put(name, principal).unwrap();
    }
    let turns = ["1a", "2", "3", "1b", "2 again", "1c", "1a again"];
    assert_eq!(desk.finish(), turns);
}

#[test]
fn an_account_has_one_hash_under_way() {
    let mut desk = Desk::new(8);
    desk.put("first", at(1, 1)).unwrap();
    desk.put("second", at(2, 1)).unwrap();
    desk.put("other", at(1, 2)).unwrap();
    let first = desk.jobs.next().unwrap();
    let other = desk.jobs.next().unwrap();
    let like = StoredHash::new(&CHEAP, None, &[0; 48]).unwrap();
    let mut arena = Arena::new(&like);
    other.run(&mut arena);
    first.run(&mut arena);
    assert_eq!(desk.finish(), ["other", "first", "second"]);
}

#[test]
fn in_a_full_line_an_address_with_many_accounts_gives_way_to_one_with_fewer() {
    let desk = Desk::new(4);
    for number in 0..4 {
        desk.put(&format!("greedy {number}"), at(1, number))
            .unwrap();
    }
    let refused = desk.put("too much", at(1, 9));
    assert_eq!(refused, Err(HashError::QueueFull));
    desk.put("modest", at(2, 20)).unwrap();
    desk.put("also modest", at(3, 30)).unwrap();
    // Nobody holds more than the next one would.
    let refused = desk.put("one more", at(2, 21));
    assert_eq!(refused, Err(HashError::QueueFull));
    let turns = [
        "-greedy 3",
        "-greedy 2",
        "greedy 0",
        "modest",
        "also modest",
        "greedy 1",
    ];
    assert_eq!(desk.finish(), turns);
}

#[test]
fn when_others_come_one_account_keeps_a_quarter_of_a_line_from_however_many_addresses() {
    let desk = Desk::new(8);
    for address in 0..8 {
        desk.put("attacked", at(address, 1)).unwrap();
    }
    let refused = desk.put("attacked", at(9, 1));
    assert_eq!(refused, Err(HashError::QueueFull));
    for account in 10..16 {
        desk.put("other", at(account, account)).unwrap();
    }
    let refused = desk.put("other", at(20, 20));
    assert_eq!(refused, Err(HashError::QueueFull));
    let mut turns = vec!["-attacked"; 6];
    turns.push("attacked");
    turns.extend(["other"; 6]);
    turns.push("attacked");
    assert_eq!(desk.finish(), turns);
}

#[test]
fn within_an_account_an_old_token_does_not_shut_out_the_device_in_use() {
    let desk = Desk::new(4);
    for number in 0..4 {
        desk.put(&format!("expelled {number}"), device(1, 1, 66))
            .unwrap();
    }
    let refused = desk.put("expelled", device(1, 1, 66));
    assert_eq!(refused, Err(HashError::QueueFull));
    desk.put("owner", device(2, 1, 1)).unwrap();
    let turns = [
        "-expelled 3",
        "expelled 0",
        "owner",
        "expelled 1",
        "expelled 2",
    ];
    assert_eq!(desk.finish(), turns);
}
