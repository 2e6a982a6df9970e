//! Token buckets in bounded memory, by the generic cell rate algorithm: one instant for each, when it is full again.
//!
//! What has been quiet longest is forgotten first: entries are in two generations, and when the newer one is full it becomes
//! the older one, whose place it takes. A bucket forgotten is a full one, so whoever commands more addresses than
//! there is room for is limited by the hashing queue alone.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    mem,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use shared::network::customer;
use uuid::Uuid;

/// Locks among which the buckets are spread.
const SHARDS: usize = 16;

/// How fast a bucket empties and fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// What can be taken at once: 1 to 1,000,000.
    pub burst: u32,
    /// Time in which one more can be taken: 1 ms to 1 h.
    pub interval: Duration,
}

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// Passwords tried from a network.
    Passwords(Network),
    /// Tokens and keys from a network that were none.
    Tokens(Network),
    /// Uses of a genuine refresh token or API key whose session or key has ended.
    Ended(Uuid),
}

/// An IPv4 address, or the /64 of an IPv6 one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(customer(address))
    }
}

/// Buckets of one pace.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Between two that can be taken, in microseconds.
    interval: i64,
    /// How far from full a bucket may be for something to be in it, in microseconds.
    slack: i64,
    state: RandomState,
    shards: Vec<Mutex<Shard>>,
}

impl Buckets {
    /// Room for at most `capacity` buckets that are not full, at least for 32.
    pub(super) fn new(pace: Pace, capacity: usize) -> Self {
        let interval = i64::try_from(pace.interval.as_micros()).expect("it is at most an hour");
        let generation = (capacity / SHARDS / 2).max(1);
        Self {
            interval,
            slack: interval * i64::from(pace.burst.saturating_sub(1)),
            state: RandomState::new(),
            shards: (0..SHARDS)
                .map(|_| Mutex::new(Shard::new(generation)))
                .collect(),
        }
    }

    /// Takes one, or says how long there will be none.
    pub(super) fn take(&self, holder: Holder, now: DateTime<Utc>) -> Result<(), Duration> {
        let mut shard = self.shard(holder);
        let full = self.available(&shard, holder, now)?;
        shard.put(holder, full + self.interval);
        Ok(())
    }

    /// Says how long there will be none, and takes none.
    pub(super) fn peek(&self, holder: Holder, now: DateTime<Utc>) -> Result<(), Duration> {
        self.available(&self.shard(holder), holder, now)?;
        Ok(())
    }

    /// Puts one back.
    pub(super) fn give_back(&self, holder: Holder) {
        let mut shard = self.shard(holder);
        if let Some(full) = shard.find(holder) {
            shard.put(holder, full - self.interval);
        }
    }

    /// When the bucket is full, now if it is, provided that there is one to take.
    fn available(
        &self,
        shard: &Shard,
        holder: Holder,
        now: DateTime<Utc>,
    ) -> Result<i64, Duration> {
        let now = now.timestamp_micros();
        // No further than an empty bucket's, lest a clock that was set back keep anyone out for as long.
        let empty = now + self.slack + self.interval;
        let full = shard.find(holder).unwrap_or(now).clamp(now, empty);
        match u64::try_from(full - now - self.slack) {
            Ok(wait) if wait > 0 => Err(Duration::from_micros(wait)),
            _ => Ok(full),
        }
    }

    fn shard(&self, holder: Holder) -> MutexGuard<'_, Shard> {
        let hash = self.state.hash_one(holder);
        let at = usize::try_from(hash % SHARDS as u64).expect("there are few shards");
        // No panic leaves a shard half changed.
        let shard = self.shards[at].lock();
        shard.unwrap_or_else(PoisonError::into_inner)
    }
}

/// When buckets are full again, in microseconds since 1970.
#[derive(Debug)]
struct Shard {
    /// Most entries of a generation.
    generation: usize,
    newer: HashMap<Holder, i64>,
    older: HashMap<Holder, i64>,
}

impl Shard {
    fn new(generation: usize) -> Self {
        Self {
            generation,
            newer: HashMap::new(),
            older: HashMap::new(),
        }
    }

    fn find(&self, holder: Holder) -> Option<i64> {
        let found = self.newer.get(&holder);
        found.or_else(|| self.older.get(&holder)).copied()
    }

    fn put(&mut self, holder: Holder, full: i64) {
        if self.newer.len() >= self.generation && !self.newer.contains_key(&holder) {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(holder, full);
    }
}

#[cfg(test)]
mod tests {
    use shared::clock::Clock as _;
    use testing::TestClock;

    use super::*;

    const PACE: Pace = Pace {
        burst: 3,
        interval: Duration::from_secs(2),
    };

    fn holder(address: &str) -> Holder {
        Holder::Passwords(address.parse::<IpAddr>().unwrap().into())
    }

    fn clock() -> TestClock {
        TestClock::at("2026-01-01T00:00:00Z")
    }

    #[test]
    fn a_burst_is_let_through_and_then_one_an_interval() {
        let (buckets, clock) = (Buckets::new(PACE, 64), clock());
        let take = || buckets.take(holder("192.0.2.1"), clock.now());
        for _ in 0..3 {
            assert_eq!(take(), Ok(()));
        }
        assert_eq!(take(), Err(Duration::from_secs(2)));
        clock.advance(Duration::from_millis(1_999));
        assert_eq!(take(), Err(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(take(), Ok(()));
        assert_eq!(take(), Err(Duration::from_secs(2)));
        clock.advance(Duration::from_hours(1));
        for _ in 0..3 {
            assert_eq!(take(), Ok(()));
        }
        assert!(take().is_err(), "a bucket never holds more than the burst");
    }

    #[test]
    fn peeking_takes_nothing_and_what_is_given_back_can_be_taken_again() {
        let (buckets, clock) = (Buckets::new(PACE, 64), clock());
        let one = holder("192.0.2.1");
        for _ in 0..10 {
            assert_eq!(buckets.peek(one, clock.now()), Ok(()));
        }
        for _ in 0..10 {
            assert_eq!(buckets.take(one, clock.now()), Ok(()));
            buckets.give_back(one);
        }
        for _ in 0..3 {
            assert_eq!(buckets.take(one, clock.now()), Ok(()));
        }
        assert_eq!(buckets.peek(one, clock.now()), Err(PACE.interval));
        buckets.give_back(holder("192.0.2.2"));
        assert_eq!(buckets.peek(one, clock.now()), Err(PACE.interval));
    }

    #[test]
    fn an_ipv4_address_and_an_ipv6_64_have_a_bucket_each() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:0:0:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            assert_eq!(holder(one) == holder(other), same, "{one} {other}");
        }
        let network = Network::from("192.0.2.1".parse::<IpAddr>().unwrap());
        assert_ne!(Holder::Passwords(network), Holder::Tokens(network));
    }

    #[test]
    fn memory_is_bounded_and_whoever_is_active_is_not_forgotten() {
        let (buckets, clock) = (Buckets::new(PACE, 640), clock());
        let active = holder("192.0.2.1");
        while buckets.take(active, clock.now()).is_ok() {}
        for number in 0..100_000_u32 {
            let passing = Holder::Passwords(IpAddr::V4(number.into()).into());
            assert_eq!(buckets.take(passing, clock.now()), Ok(()));
            if number % 100 == 0 {
                clock.advance(PACE.interval);
                assert_eq!(buckets.take(active, clock.now()), Ok(()), "{number}");
                assert_eq!(buckets.take(active, clock.now()), Err(PACE.interval));
            }
        }
        let entries = buckets.shards.iter().map(|shard| {
            let shard = shard.lock().unwrap();
            shard.newer.len() + shard.older.len()
        });
        assert!(entries.sum::<usize>() <= 640);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_out_for_longer_than_an_empty_bucket() {
        let (buckets, clock) = (Buckets::new(PACE, 64), clock());
        let one = holder("192.0.2.1");
        while buckets.take(one, clock.now()).is_ok() {}
        clock.set(clock.now() - chrono::TimeDelta::days(1));
        assert_eq!(buckets.take(one, clock.now()), Err(PACE.interval));
    }
}
