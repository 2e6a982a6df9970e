//! The time of a refused sign-in does not show whether there is an account (ASVS 6.3.8).

use std::time::{Duration, Instant};

use testing::reason;

use crate::world::{PASSWORD, World, credentials};

/// Sign-ins of each kind.
const SAMPLES: usize = 400;
/// Greatest Welch's t. Above 4.5 a difference is considered real; the limit is higher because the machine may be busy.
const BOUND: f64 = 10.0;

/// The times of sign-ins of all kinds in microseconds. The kinds alternate, and each comes first as often as last.
async fn sample(world: &World, kinds: &[(&str, &str)], expected: &str) -> Vec<Vec<f64>> {
    let mut auth = world.auth.clone();
    let mut times = vec![Vec::with_capacity(SAMPLES); kinds.len()];
    for round in 0..SAMPLES {
        for turn in 0..kinds.len() {
            let kind = (turn + round) % kinds.len();
            let (email, password) = kinds[kind];
            let begin = Instant::now();
            let refused = auth.sign_in(credentials(email, password)).await;
            times[kind].push(begin.elapsed().as_secs_f64() * 1e6);
            assert_eq!(reason(&refused.unwrap_err()), expected);
        }
    }
    times
}

fn mean_and_variance(times: &[f64]) -> (f64, f64, f64) {
    let count = f64::from(u32::try_from(times.len()).unwrap());
    let mean = times.iter().sum::<f64>() / count;
    let squares = times.iter().map(|time| (time - mean).powi(2));
    (mean, squares.sum::<f64>() / (count - 1.0), count)
}

/// Welch's t of two samples without their slowest tenth, which other work of the machine causes.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let of = |times: &[f64]| {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.truncate(times.len() * 9 / 10);
        mean_and_variance(&sorted)
    };
    let ((mean, variance, count), (other_mean, other_variance, other_count)) = (of(one), of(other));
    (mean - other_mean) / (variance / count + other_variance / other_count).sqrt()
}

/// Asserts that no kind can be distinguished from another.
fn assert_alike(times: &[Vec<f64>], kinds: &[(&str, &str)]) {
    for (at, one) in times.iter().enumerate() {
        for (other_at, other) in times.iter().enumerate().skip(at + 1) {
            let t = welch(one, other);
            let (mean, other_mean) = (mean_and_variance(one).0, mean_and_variance(other).0);
            let pair = format!(
                "{} ({mean:.0} us) and {} ({other_mean:.0} us)",
                kinds[at].0, kinds[other_at].0
            );
            eprintln!("t = {t:.2} of {pair}");
            assert!(t.abs() < BOUND, "t = {t:.2} of {pair}");
        }
    }
}

async fn world(failures: &str) -> World {
    let world = World::with(&[("auth.throttle.account_failures", failures)]).await;
    world.person().await;
    world.person().await;
    world
        .execute("update auth.account set state = 2 where email = 'person1@example.org'")
        .await;
    world
}

#[tokio::test]
async fn unknown_wrong_and_disabled_take_the_same_time() {
    let world = world("1000000").await;
    let kinds = [
        ("person0@example.org", "a wrong password"),
        ("nobody0@example.org", "a wrong password"),
        ("person1@example.org", PASSWORD),
    ];
    let times = sample(&world, &kinds, "CREDENTIALS_INVALID").await;
    assert_alike(&times, &kinds);
}

#[tokio::test]
async fn at_the_limit_unknown_known_and_disabled_take_the_same_time() {
    let world = world("1").await;
    let kinds = [
        ("person0@example.org", PASSWORD),
        ("nobody0@example.org", PASSWORD),
        ("person1@example.org", PASSWORD),
    ];
    for (email, _) in kinds {
        let refused = world
            .auth
            .clone()
            .sign_in(credentials(email, "a wrong password"))
            .await;
        assert_eq!(reason(&refused.unwrap_err()), "CREDENTIALS_INVALID");
    }
    world.advance(Duration::from_secs(1));
    let times = sample(&world, &kinds, "RATE_LIMITED").await;
    assert_alike(&times, &kinds);
}

#[test]
fn the_statistic_distinguishes_only_samples_that_differ() {
    let sample = |shift: f64| -> Vec<f64> { (0..400).map(|n| shift + f64::from(n % 37)).collect() };
    assert!(welch(&sample(0.0), &sample(0.0)).abs() < 1.0);
    assert!(welch(&sample(0.0), &sample(20.0)) < -BOUND);
    assert!(welch(&sample(20.0), &sample(0.0)) > BOUND);
}
