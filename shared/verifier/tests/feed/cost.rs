//! What a verification costs, told and not judged: machines differ.

use std::time::Instant;

use verifier::{Purpose, Verifier};

use crate::world::World;

const TOKENS: u128 = 500;
const ROUNDS: u32 = 4;

#[tokio::test]
async fn a_token_that_was_verified_before_costs_less() {
    let mut world = World::new();
    let revocations: Vec<_> = (0..10_000)
        .map(|number| world.session(number, 1_000_000 + u128::from(number.unsigned_abs())))
        .collect();
    let _watch = world.told(&revocations).await;
    let tokens: Vec<_> = (0..TOKENS).map(|number| world.token(number)).collect();
    let first = nanos_each(&world.verifier, &tokens, 1);
    let again = nanos_each(&world.verifier, &tokens, ROUNDS);
    eprintln!("10,000 revocations held; verified for the first time {first} ns, again {again} ns");
    assert!(first > 0 && again > 0);
}

/// Verifies each token as often, and gives the mean time in nanoseconds.
fn nanos_each(verifier: &Verifier, tokens: &[String], rounds: u32) -> u128 {
    let began = Instant::now();
    for _ in 0..rounds {
        for token in tokens {
            verifier.verify(token, Purpose::Write).unwrap();
        }
    }
    began.elapsed().as_nanos() / (tokens.len() as u128 * u128::from(rounds))
}
