//! One line of the hashing queue, and whose turn it is.
//!
//! Whoever had a turn most recently comes last: client addresses take turns, within an address accounts do, and within an account
//! devices do; and an account that uses many addresses has no more turns than one that uses one. An account has at most one hash under way.
//! When the line is full, somebody who holds much gives way to somebody who holds less: so nobody's greed fills the line for others.

use std::{collections::HashMap, hash::Hash};

use transport::network::CustomerBlock;

use super::{HashError, principal::HashingPrincipal, queue::Job};

/// The part of the places of a full line that one account can keep when others come.
const ACCOUNT_PART: usize = 4;

/// A job that waits.
struct Entry {
    principal: HashingPrincipal,
    job: Job,
}

/// Something that takes turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum TurnKey {
    Address(CustomerBlock),
    Account([u8; 32]),
    Device([u8; 32], [u8; 32]),
}

/// A line of bounded length.
pub(super) struct FairLine {
    length: usize,
    /// In the order of arrival.
    waiting: Vec<Entry>,
    running: Vec<HashingPrincipal>,
    /// When each principal that waits or runs came or had its last turn; the lowest number is next.
    turns: HashMap<TurnKey, u64>,
    clock: u64,
}

fn keys(of: &HashingPrincipal) -> [TurnKey; 3] {
    [
        TurnKey::Address(of.address),
        TurnKey::Account(of.account),
        TurnKey::Device(of.account, of.device),
    ]
}

impl FairLine {
    pub(super) fn new(length: usize) -> Self {
        Self {
            length,
            waiting: Vec::new(),
            running: Vec::new(),
            turns: HashMap::new(),
            clock: 0,
        }
    }

    pub(super) const fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Puts a job at the end. The job that must give way to it is returned, to be refused.
    pub(super) fn put(
        &mut self,
        principal: HashingPrincipal,
        job: Job,
    ) -> Result<Option<Job>, HashError> {
        self.waiting.retain(|entry| !entry.job.is_abandoned());
        let full = self.waiting.len() >= self.length;
        let gave_way = full.then(|| self.give_way(&principal)).transpose()?;
        self.clock += 1;
        for key in keys(&principal) {
            self.turns.entry(key).or_insert(self.clock);
        }
        self.waiting.push(Entry { principal, job });
        Ok(gave_way)
    }

    /// Takes the job whose turn it is. None of an account that has one under way; those that nobody waits for cost no turn.
    pub(super) fn take(&mut self) -> Option<(HashingPrincipal, Job)> {
        self.waiting.retain(|entry| !entry.job.is_abandoned());
        let free = |entry: &Entry| {
            let account = entry.principal.account;
            !self.running.iter().any(|busy| busy.account == account)
        };
        let turn = |entry: &Entry| {
            let turns = keys(&entry.principal).map(|key| self.turns.get(&key).copied());
            (turns.into_iter().max(), turns)
        };
        let free = self.waiting.iter().enumerate().filter(|(_, one)| free(one));
        let (at, _) = free.min_by_key(|(_, entry)| turn(entry))?;
        let Entry { principal, job } = self.waiting.remove(at);
        self.clock += 1;
        for key in keys(&principal) {
            self.turns.insert(key, self.clock);
        }
        self.running.push(principal);
        Some((principal, job))
    }

    /// A job of this principal that was taken is done.
    pub(super) fn finish(&mut self, principal: &HashingPrincipal) {
        if let Some(at) = self.running.iter().position(|one| one == principal) {
            self.running.swap_remove(at);
        }
        let waiting = self.waiting.iter().map(|entry| &entry.principal);
        let present: Vec<_> = waiting.chain(&self.running).flat_map(keys).collect();
        self.turns.retain(|key, _| present.contains(key));
    }

    /// Removes the job that gives way to a newcomer. Of equal ones it is the last.
    fn give_way(&mut self, newcomer: &HashingPrincipal) -> Result<Job, HashError> {
        let part = (self.length / ACCOUNT_PART).max(1);
        let places = self.count_waiting(|one| one.account);
        let largest = places.iter().max_by_key(|(_, places)| **places);
        let Some((&account, &most)) = largest else {
            return Err(HashError::QueueFull);
        };
        if places.get(&newcomer.account).copied().unwrap_or(0) >= part {
            self.remove_of_account(newcomer.account, newcomer, 2)
        } else if most > part {
            self.remove_of_account(account, newcomer, 0)
        } else {
            self.remove_of_address(newcomer)
        }
    }

    /// Removes a job of an account: of whichever device and address has most places. It must have `excess` more than the newcomer,
    /// so that the newcomer does not get more than whom it displaces.
    fn remove_of_account(
        &mut self,
        account: [u8; 32],
        newcomer: &HashingPrincipal,
        excess: usize,
    ) -> Result<Job, HashError> {
        let part = |one: &HashingPrincipal| (one.account, one.device, one.address);
        let held = self.count_held(part);
        let count = |one: &HashingPrincipal| held.get(&part(one)).copied().unwrap_or(0);
        let own = count(newcomer);
        self.remove_greatest(|one| {
            let places = count(one);
            (one.account == account && places >= own + excess).then_some(places)
        })
    }

    /// Removes a job of the address that holds most, or, at the newcomer's address, of the account that does. It must be two more
    /// than the newcomer's.
    fn remove_of_address(&mut self, newcomer: &HashingPrincipal) -> Result<Job, HashError> {
        let addresses = self.count_held(|one| one.address);
        let accounts = self.count_held(|one| one.account);
        let excess = |one: &HashingPrincipal| {
            let (theirs, own) = if one.address == newcomer.address {
                (accounts.get(&one.account), accounts.get(&newcomer.account))
            } else {
                (
                    addresses.get(&one.address),
                    addresses.get(&newcomer.address),
                )
            };
            theirs?.checked_sub(own.copied().unwrap_or(0))
        };
        self.remove_greatest(|one| excess(one).filter(|excess| *excess >= 2))
    }

    fn remove_greatest(
        &mut self,
        size: impl Fn(&HashingPrincipal) -> Option<usize>,
    ) -> Result<Job, HashError> {
        let sizes = self.waiting.iter().enumerate();
        let sizes = sizes.filter_map(|(at, entry)| Some((size(&entry.principal)?, at)));
        let (_, at) = sizes.max().ok_or(HashError::QueueFull)?;
        Ok(self.waiting.remove(at).job)
    }

    /// How many jobs wait for each part of their principals.
    fn count_waiting<K: Hash + Eq>(
        &self,
        part: impl Fn(&HashingPrincipal) -> K,
    ) -> HashMap<K, usize> {
        count(self.waiting.iter().map(|entry| part(&entry.principal)))
    }

    /// How many jobs wait or are under way for each part of their principals.
    fn count_held<K: Hash + Eq>(&self, part: impl Fn(&HashingPrincipal) -> K) -> HashMap<K, usize> {
        let waiting = self.waiting.iter().map(|entry| &entry.principal);
        count(waiting.chain(&self.running).map(part))
    }
}

fn count<K: Hash + Eq>(keys: impl Iterator<Item = K>) -> HashMap<K, usize> {
    keys.fold(HashMap::new(), |mut counts, key| {
        *counts.entry(key).or_default() += 1;
        counts
    })
}
