//! Token buckets in bounded memory, by the generic cell rate algorithm: one instant for each bucket, when it is full again.
//!
//! The buckets unused for longest are forgotten first: entries are in two generations, and when the newer one is full it
//! replaces the older one. A forgotten bucket counts as full, so only the hashing queue limits an attacker who has more
//! addresses than there is room for.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    mem,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use transport::network::CustomerBlock;
use uuid::Uuid;

use crate::digest::sha256;

/// Number of locks that the buckets are divided among.
const SHARDS: usize = 16;

/// The size of a bucket, and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Attempts that can be taken at once: 1 to 1,000,000.
    pub burst: u32,
    /// Time after which one more can be taken: 1 ms to 1 h.
    pub interval: Duration,
}

/// What a bucket counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum BucketKey {
    /// Passwords tried from an address.
    Passwords(CustomerBlock),
    /// Forged tokens and keys from an address.
    Tokens(CustomerBlock),
    /// Uses of a genuine refresh token or API key that is no longer valid: the session or key, and the secret presented.
    Ended([u8; 16]),
    /// Right passwords of an account, from known devices or from all others.
    Confirmed([u8; 32]),
}

impl BucketKey {
    /// The bucket of one session or key and one of its secrets. A session may have got a new secret: then its holder and that of
    /// the old secret have different buckets.
    pub(super) fn ended(id: Uuid, secret_hash: &[u8; 32]) -> Self {
        let hash = sha256(&[id.as_bytes().as_slice(), secret_hash].concat());
        Self::Ended(hash.first_chunk().copied().expect("a hash has 32 bytes"))
    }
}

impl BucketKey {
    /// How many times the pace of one address its bucket has.
    fn share(self) -> i64 {
        match self {
            Self::Passwords(block) | Self::Tokens(block) => block.share().into(),
            Self::Ended(_) | Self::Confirmed(_) => 1,
        }
    }
}

/// Buckets of the same pace.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Time between two attempts that can be taken, in microseconds.
    interval: i64,
    /// Attempts that can be taken at once.
    burst: i64,
    state: RandomState,
    shards: Vec<Mutex<Shard>>,
}

impl Buckets {
    /// Room for `capacity` buckets that are not full, and for 32 at least.
    pub(super) fn new(pace: Pace, capacity: usize) -> Self {
        let interval = i64::try_from(pace.interval.as_micros()).expect("it is at most an hour");
        let generation = (capacity / SHARDS / 2).max(1);
        Self {
            interval,
            burst: i64::from(pace.burst.max(1)),
            state: RandomState::new(),
            shards: (0..SHARDS)
                .map(|_| Mutex::new(Shard::new(generation)))
                .collect(),
        }
    }

    /// Takes one attempt; the error is the time until there is one.
    pub(super) fn take(&self, key: BucketKey, now: DateTime<Utc>) -> Result<(), Duration> {
        let mut shard = self.shard(key);
        let full = self.available(&shard, key, now)?;
        shard.put(key, full + self.interval(key));
        Ok(())
    }

    /// Takes one attempt from the bucket of each block of an address, or none if one of them is empty.
    pub(super) fn take_from(
        &self,
        address: IpAddr,
        key: fn(CustomerBlock) -> BucketKey,
        now: DateTime<Utc>,
    ) -> Result<(), Duration> {
        let keys = || CustomerBlock::of(address).map(key);
        for (number, empty) in keys().enumerate() {
            // Taken one after the other, so that parallel attempts cannot slip past a bucket.
            if let Err(wait) = self.take(empty, now) {
                keys().take(number).for_each(|taken| self.give_back(taken));
                return Err(wait);
            }
        }
        Ok(())
    }

    /// Puts one attempt back into the bucket of each block of an address.
    pub(super) fn give_back_to(&self, address: IpAddr, key: fn(CustomerBlock) -> BucketKey) {
        CustomerBlock::of(address)
            .map(key)
            .for_each(|key| self.give_back(key));
    }

    /// Takes none; the error is the time until there is one.
    pub(super) fn peek(&self, key: BucketKey, now: DateTime<Utc>) -> Result<(), Duration> {
        self.available(&self.shard(key), key, now)?;
        Ok(())
    }

    /// Puts one attempt back.
    fn give_back(&self, key: BucketKey) {
        let mut shard = self.shard(key);
        if let Some(full) = shard.find(key) {
            shard.put(key, full - self.interval(key));
        }
    }

    /// When the bucket is full again, at the earliest now. The error is the time until there is an attempt to take.
    fn available(
        &self,
        shard: &Shard,
        key: BucketKey,
        now: DateTime<Utc>,
    ) -> Result<i64, Duration> {
        let now = now.timestamp_micros();
        // At most as late as that of an empty bucket, so that a clock that was set back does not lock anyone out.
        let interval = self.interval(key);
        let slack = interval * (self.burst * key.share() - 1);
        let empty = now + slack + interval;
        let full = shard.find(key).unwrap_or(now).clamp(now, empty);
        match u64::try_from(full - now - slack) {
            Ok(wait) if wait > 0 => Err(Duration::from_micros(wait)),
            _ => Ok(full),
        }
    }

    /// Time between two attempts that can be taken from this bucket, in microseconds.
    fn interval(&self, key: BucketKey) -> i64 {
        self.interval / key.share()
    }

    fn shard(&self, key: BucketKey) -> MutexGuard<'_, Shard> {
        let hash = self.state.hash_one(key);
        let at = usize::try_from(hash % SHARDS as u64).expect("there are few shards");
        // A panic cannot leave a shard half changed.
        let shard = self.shards[at].lock();
        shard.unwrap_or_else(PoisonError::into_inner)
    }
}

/// When buckets are full again, in microseconds since 1970.
#[derive(Debug)]
struct Shard {
    /// Most entries of a generation.
    generation: usize,
    newer: HashMap<BucketKey, i64>,
    older: HashMap<BucketKey, i64>,
}

impl Shard {
    fn new(generation: usize) -> Self {
        Self {
            generation,
            newer: HashMap::new(),
            older: HashMap::new(),
        }
    }

    fn find(&self, key: BucketKey) -> Option<i64> {
        let found = self.newer.get(&key);
        found.or_else(|| self.older.get(&key)).copied()
    }

    fn put(&mut self, key: BucketKey, full: i64) {
        if self.newer.len() >= self.generation && !self.newer.contains_key(&key) {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(key, full);
    }
}

#[cfg(test)]
mod tests;
