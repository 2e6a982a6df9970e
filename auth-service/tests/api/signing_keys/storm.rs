//! Keys rotated as fast as possible, under load.

use std::{collections::HashSet, sync::Arc, time::Duration};

use contract::proto::auth::{GetAccountRequest, TokenPair};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{follower::Follower, kid, rotate};
use crate::world::{Person, World, with_tokens};

const ROTATIONS: usize = 50;
/// Longest time of one rotation.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Tokens that each client keeps and verifies repeatedly.
const KEPT: usize = 40;

/// Two replicas, and a verifier at each.
struct Stage {
    worlds: [World; 2],
    followers: [Follower; 2],
}

impl Stage {
    /// Asserts that both verifiers and the replica that did not sign a token accept it.
    async fn assert_valid(&self, signed_at: usize, tokens: &TokenPair) {
        for follower in &self.followers {
            let verified = follower
                .verifier
                .verify(&tokens.access_token, verifier::Purpose::Read);
            verified.unwrap_or_else(|error| panic!("{}: {error}", kid(tokens)));
        }
        let request = with_tokens(tokens, GetAccountRequest {});
        let answered = self.worlds[1 - signed_at]
            .account
            .clone()
            .get_account(request)
            .await;
        answered.unwrap_or_else(|status| panic!("{}: {status:?}", kid(tokens)));
    }
}

/// Refreshes and signs in at both replicas until it is stopped; how many tokens it had.
async fn call(
    stage: Arc<Stage>,
    person: Person,
    number: usize,
    signs: watch::Sender<String>,
    stop: watch::Receiver<bool>,
) -> usize {
    let mut held = vec![person.tokens.clone()];
    let mut count = 0;
    while !*stop.borrow() {
        let at = (number + count) % 2;
        let world = &stage.worlds[at];
        let tokens = if count % 3 == 0 {
            world.sign_in(&person).await
        } else {
            let last = &held.last().unwrap().refresh_token;
            world.refresh(last, &[]).await.unwrap()
        };
        stage.assert_valid(at, &tokens).await;
        for old in &held {
            let verified = stage.followers[at]
                .verifier
                .verify(&old.access_token, verifier::Purpose::Read);
            verified.unwrap_or_else(|error| panic!("{}: {error}", kid(old)));
        }
        signs.send_replace(kid(&tokens));
        held.push(tokens);
        if held.len() > KEPT {
            held.remove(1);
        }
        count += 1;
    }
    count
}

// Longer than 40 lines: one scenario, each step of which depends on the one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::too_many_lines,
    reason = "one load, then what it must have left"
)]
async fn fifty_rotations_in_a_row_refuse_no_token() {
    let here = World::boot().await;
    let there = here.replica(&[]).await;
    let followers = [
        Follower::diligent(&here, "here").await,
        Follower::diligent(&there, "there").await,
    ];
    let stage = Arc::new(Stage {
        worlds: [here, there],
        followers,
    });
    let (signs, _) = watch::channel(String::new());
    let (stop, stopped) = watch::channel(false);
    let mut clients = JoinSet::new();
    for number in 0..4 {
        let person = stage.worlds[0].person().await;
        clients.spawn(call(
            Arc::clone(&stage),
            person,
            number,
            signs.clone(),
            stopped.clone(),
        ));
    }
    let began = Instant::now();
    let mut seen = HashSet::new();
    for _ in 0..ROTATIONS {
        let new = rotate(&stage.worlds[0]).await;
        let mut signing = signs.subscribe();
        let signed = signing.wait_for(|kid| *kid == new);
        tokio::select! {
            signed = timeout(TIMEOUT, signed) => { signed.unwrap().unwrap(); }
            Some(ended) = clients.join_next() => panic!("a client has ended: {ended:?}"),
        }
        assert!(seen.insert(new));
    }
    let took = began.elapsed();
    stop.send_replace(true);
    let counts = clients.join_all().await;
    assert!(
        counts.iter().all(|count| *count > ROTATIONS / 2),
        "{counts:?} in {took:?}"
    );
}
