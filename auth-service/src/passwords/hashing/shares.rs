//! One line of the hashing queue, and whose turn it is.
//!
//! Client addresses take turns, within an address accounts do, and within an account devices do. An account has at most one hash under
//! way and a few that wait. When the line is full, whoever holds the most loses the job that came last, if somebody comes who holds
//! less: so nobody's greed fills the line for others.

use std::collections::HashMap;

use transport::network::CustomerBlock;

use super::{HashError, principal::Principal, queue::Job};

/// The part of the places of a line that one account can take.
const ACCOUNT_PART: usize = 4;

/// A job that waits.
struct Entry {
    principal: Principal,
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
    running: Vec<Principal>,
    /// When each principal that waits or runs came or had its last turn; the lowest number is next.
    turns: HashMap<TurnKey, u64>,
    clock: u64,
}

fn keys(of: &Principal) -> [TurnKey; 3] {
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
    pub(super) fn put(&mut self, principal: Principal, job: Job) -> Result<Option<Job>, HashError> {
        self.waiting.retain(|entry| !entry.job.is_abandoned());
        let mut gave_way = None;
        if self.waiting_of(principal.account) >= (self.length / ACCOUNT_PART).max(1) {
            gave_way = Some(self.give_way_within_account(&principal)?);
        } else if self.waiting.len() >= self.length {
            gave_way = Some(self.give_way(&principal)?);
        }
        for key in keys(&principal) {
            self.clock += 1;
            self.turns.entry(key).or_insert(self.clock);
        }
        self.waiting.push(Entry { principal, job });
        Ok(gave_way)
    }

    /// Takes the job whose turn it is. None of an account that has one under way; those that nobody waits for cost no turn.
    pub(super) fn take(&mut self) -> Option<(Principal, Job)> {
        self.waiting.retain(|entry| !entry.job.is_abandoned());
        let free = |entry: &Entry| {
            let account = entry.principal.account;
            !self.running.iter().any(|busy| busy.account == account)
        };
        let turn = |entry: &Entry| keys(&entry.principal).map(|key| self.turns.get(&key).copied());
        let free = self.waiting.iter().enumerate().filter(|(_, one)| free(one));
        let (at, _) = free.min_by_key(|(_, entry)| turn(entry))?;
        let Entry { principal, job } = self.waiting.remove(at);
        for key in keys(&principal) {
            self.clock += 1;
            self.turns.insert(key, self.clock);
        }
        self.running.push(principal);
        Some((principal, job))
    }

    /// A job of this principal that was taken is done.
    pub(super) fn finish(&mut self, principal: &Principal) {
        if let Some(at) = self.running.iter().position(|one| one == principal) {
            self.running.swap_remove(at);
        }
        let waiting = self.waiting.iter().map(|entry| &entry.principal);
        let present: Vec<_> = waiting.chain(&self.running).flat_map(keys).collect();
        self.turns.retain(|key, _| present.contains(key));
    }

    fn waiting_of(&self, account: [u8; 32]) -> usize {
        let of_account = |entry: &&Entry| entry.principal.account == account;
        self.waiting.iter().filter(of_account).count()
    }

    /// How many jobs each principal has, waiting or under way.
    fn held(&self) -> HashMap<TurnKey, usize> {
        let mut held = HashMap::new();
        let waiting = self.waiting.iter().map(|entry| &entry.principal);
        for key in waiting.chain(&self.running).flat_map(keys) {
            *held.entry(key).or_default() += 1;
        }
        held
    }

    /// Removes the last job of whoever holds the most, if that is more than the newcomer will hold.
    fn give_way(&mut self, newcomer: &Principal) -> Result<Job, HashError> {
        let held = self.held();
        self.remove_greediest(newcomer, |entry| {
            let pairs = keys(&entry.principal).into_iter().zip(keys(newcomer));
            // Compared where they differ first: two at one address by their accounts.
            let (theirs, own) = pairs.into_iter().find(|(theirs, own)| theirs != own)?;
            let count = |key| held.get(&key).copied().unwrap_or_default();
            count(theirs).checked_sub(count(own))
        })
    }

    /// The same among those who wait for one account, by address and device.
    fn give_way_within_account(&mut self, newcomer: &Principal) -> Result<Job, HashError> {
        let mut held: HashMap<_, usize> = HashMap::new();
        let waiting = self.waiting.iter().map(|entry| entry.principal);
        for one in waiting.chain(self.running.iter().copied()) {
            *held
                .entry((one.account, one.device, one.address))
                .or_default() += 1;
        }
        let count = |of: &Principal| {
            let key = (of.account, of.device, of.address);
            held.get(&key).copied().unwrap_or_default()
        };
        self.remove_greediest(newcomer, |entry| {
            let same = entry.principal.account == newcomer.account;
            same.then(|| count(&entry.principal).checked_sub(count(newcomer)))?
        })
    }

    /// Removes the entry with the greatest excess over the newcomer, of equal ones the last; it must be at least 2, so that
    /// the newcomer does not hold more than whom it displaces.
    fn remove_greediest(
        &mut self,
        newcomer: &Principal,
        excess: impl Fn(&Entry) -> Option<usize>,
    ) -> Result<Job, HashError> {
        let others = self.waiting.iter().enumerate();
        let others = others.filter(|(_, entry)| entry.principal != *newcomer);
        let greediest = others
            .filter_map(|(at, entry)| Some((excess(entry)?, at)))
            .max();
        match greediest {
            Some((excess, at)) if excess >= 2 => Ok(self.waiting.remove(at).job),
            _ => Err(HashError::QueueFull),
        }
    }
}
