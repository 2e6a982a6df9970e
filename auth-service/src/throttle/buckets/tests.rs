use clock::Clock as _;
use testing::TestClock;

use super::*;

const PACE: Pace = Pace {
    burst: 3,
    interval: Duration::from_secs(2),
};

fn block(address: IpAddr) -> CustomerBlock {
    CustomerBlock::of(address).next().unwrap()
}

fn passwords(address: &str) -> BucketKey {
    BucketKey::Passwords(block(address.parse().unwrap()))
}

fn clock() -> TestClock {
    TestClock::at("2026-01-01T00:00:00Z")
}

#[test]
fn a_burst_is_allowed_and_then_one_attempt_per_interval() {
    let (buckets, clock) = (Buckets::new(PACE, 64), clock());
    let take = || buckets.take(passwords("192.0.2.1"), clock.now());
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
fn peeking_takes_nothing_and_an_attempt_given_back_can_be_taken_again() {
    let (buckets, clock) = (Buckets::new(PACE, 64), clock());
    let one = passwords("192.0.2.1");
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
    buckets.give_back(passwords("192.0.2.2"));
    assert_eq!(buckets.peek(one, clock.now()), Err(PACE.interval));
}

#[test]
fn each_ipv4_address_and_each_ipv6_64_has_its_own_bucket() {
    for (one, other, same) in [
        ("192.0.2.1", "192.0.2.2", false),
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("2001:db8::1", "2001:db8::ffff:0:0:1", true),
        ("2001:db8::1", "2001:db8:0:1::1", false),
    ] {
        assert_eq!(passwords(one) == passwords(other), same, "{one} {other}");
    }
    let block = block("192.0.2.1".parse().unwrap());
    assert_ne!(BucketKey::Passwords(block), BucketKey::Tokens(block));
}

#[test]
fn an_ipv6_address_counts_in_its_64_its_56_and_its_48() {
    let (buckets, clock) = (Buckets::new(PACE, 64_000), clock());
    let take = |address: String| {
        let address = address.parse().unwrap();
        buckets.take_from(address, BucketKey::Passwords, clock.now())
    };
    let taken = |addresses: &dyn Fn(u32) -> String| {
        let all = 0..100;
        all.filter(|number| take(addresses(*number)).is_ok())
            .count()
    };
    assert_eq!(taken(&|host| format!("2001:db8::{host}")), 3);
    assert_eq!(taken(&|subnet| format!("2001:db8:0:{subnet:x}::1")), 3);
    assert_eq!(taken(&|site| format!("2001:db8:0:{site:x}00::1")), 3);
    assert_eq!(taken(&|host| format!("2001:db8:1::{host}")), 3);
    // The refused attempts took nothing from the smaller blocks.
    clock.advance(PACE.interval);
    assert_eq!(taken(&|site| format!("2001:db8:0:{site:x}ff::1")), 3);
}

#[test]
fn memory_is_bounded_and_an_active_bucket_is_not_forgotten() {
    let (buckets, clock) = (Buckets::new(PACE, 640), clock());
    let active = passwords("192.0.2.1");
    while buckets.take(active, clock.now()).is_ok() {}
    for number in 0..100_000_u32 {
        let passing = BucketKey::Passwords(block(IpAddr::V4(number.into())));
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
fn a_clock_that_was_set_back_refuses_for_no_longer_than_an_empty_bucket() {
    let (buckets, clock) = (Buckets::new(PACE, 64), clock());
    let one = passwords("192.0.2.1");
    while buckets.take(one, clock.now()).is_ok() {}
    clock.set(clock.now() - chrono::TimeDelta::days(1));
    assert_eq!(buckets.take(one, clock.now()), Err(PACE.interval));
}
