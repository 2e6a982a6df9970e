//! The cost of a verification. It is printed and not asserted, because machines differ.

use std::time::Instant;

use verifier::{Purpose, Verifier};

use crate::world::World;

const TOKENS: u128 = 500;
const ROUNDS: u32 = 4;

#[tokio::test]
async fn the_cost_of_a_first_and_of_a_repeated_verification_is_printed() {
    let mut world = World::new();
    let revocations: Vec<_> = (0..10_000)
        .map(|number| world.session(number, 1_000_000 + u128::from(number.unsigned_abs())))
        .collect();
    let _watch = world.following(&revocations).await;
    let tokens: Vec<_> = (0..TOKENS).map(|number| world.token(number)).collect();
    let first = nanos_each(&world.verifier, &tokens, 1);
    let again = nanos_each(&world.verifier, &tokens, ROUNDS);
    eprintln!("10,000 revocations held; verified for the first time {first} ns, again {again} ns");
    assert!(first > 0 && again > 0);
}

/// Verifies each token `rounds` times, and returns the mean time in nanoseconds.
fn nanos_each(verifier: &Verifier, tokens: &[String], rounds: u32) -> u128 {
    let began = Instant::now();
    for _ in 0..rounds {
        for token in tokens {
            verifier.verify(token, Purpose::Write).unwrap();
        }
    }
    began.elapsed().as_nanos() / (tokens.len() as u128 * u128::from(rounds))
}
