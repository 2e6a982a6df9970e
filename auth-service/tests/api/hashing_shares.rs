//! Nobody's greed for hashing refuses another account's known device, or its sign-in.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use contract::proto::auth::SignInRequest;
use testing::assert_refused;
use tokio::task::JoinSet;
use tonic::{Code, Request, metadata::AsciiMetadataValue};

use crate::{
    throttle::{BEHIND_PROXY, from, limited},
    world::{PASSWORD, Person, World, credentials},
};

/// One thread, and fewer places than greedy calls.
const NARROW: [(&str, &str); 5] = [
    BEHIND_PROXY,
    ("auth.hash.threads", "1"),
    ("auth.hash.queue", "8"),
    ("auth.hash.memory_kib", "4096"),
    ("auth.throttle.confirmed_burst", "1000000"),
];
const GREEDY_CALLS: u8 = 24;
const ATTEMPTS: usize = 30;

/// A sign-in from an address, by a known device or by nobody known.
fn sign_in(address: &str, person: &Person, known: bool) -> Request<SignInRequest> {
    let mut request = from(address, credentials(&person.email, PASSWORD));
    if known {
        let token: AsciiMetadataValue = person.tokens.refresh_token.parse().unwrap();
        request.metadata_mut().insert("tandem-device-token", token);
    }
    request
}

/// While many calls at once sign in with right passwords, each from its address to its account, another person signs in.
async fn assert_served(
    world: World,
    greedy: impl Fn(u8) -> (String, Person),
    victim: &Person,
    address: &str,
    known: bool,
) {
    let world = Arc::new(world);
    let (over, mut calls) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for number in 0..GREEDY_CALLS {
        let ((from, person), over) = (greedy(number), Arc::clone(&over));
        let mut auth = world.auth.clone();
        calls.spawn(async move {
            let mut refused = 0;
            while !over.load(Ordering::Relaxed) {
                if let Err(status) = auth.sign_in(sign_in(&from, &person, known)).await {
                    assert_refused(&status, Code::ResourceExhausted, "RATE_LIMITED");
                    refused += 1;
                }
            }
            refused
        });
    }
    for _ in 0..ATTEMPTS {
        let answer = world
            .auth
            .clone()
            .sign_in(sign_in(address, victim, known))
            .await;
        answer.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    let refused: i32 = calls.join_all().await.into_iter().sum();
    assert!(refused > 0, "the line was full");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_free_account_does_not_shut_out_another_accounts_known_device_or_newcomer() {
    for known in [true, false] {
        let world = World::with(&NARROW).await;
        let (free, victim) = (world.person().await, world.person().await);
        let greedy = |_| ("198.51.100.1".to_owned(), free.clone());
        // The worst case: both come from one address.
        assert_served(world, greedy, &victim, "198.51.100.1", known).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_accounts_at_one_address_do_not_shut_out_another_address() {
    for known in [true, false] {
        let world = World::with(&NARROW).await;
        let victim = world.person().await;
        let mut people = Vec::new();
        for _ in 0..GREEDY_CALLS {
            people.push(world.person().await);
        }
        let greedy = |number| {
            (
                "198.51.100.1".to_owned(),
                people[usize::from(number)].clone(),
            )
        };
        assert_served(world, greedy, &victim, "192.0.2.1", known).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_addresses_with_one_account_do_not_shut_out_another_account() {
    for known in [true, false] {
        let world = World::with(&NARROW).await;
        let (free, victim) = (world.person().await, world.person().await);
        let greedy = |number| (format!("198.51.100.{number}"), free.clone());
        assert_served(world, greedy, &victim, "192.0.2.1", known).await;
    }
}

#[tokio::test]
async fn right_passwords_of_one_account_are_paced_and_its_known_devices_have_a_pace_of_their_own() {
    let world = World::with(&[
        BEHIND_PROXY,
        ("auth.throttle.confirmed_burst", "3"),
        ("auth.throttle.confirmed_interval", "10s"),
    ])
    .await;
    let (person, other) = (world.person().await, world.person().await);
    for known in [false, true] {
        let attempt = |address: &'static str| {
            let request = sign_in(address, &person, known);
            let mut auth = world.auth.clone();
            async move { auth.sign_in(request).await }
        };
        for _ in 0..3 {
            attempt("192.0.2.1").await.unwrap();
        }
        let wait = limited(attempt("192.0.2.2").await);
        assert_eq!(wait, std::time::Duration::from_secs(10));
        let answer = world
            .auth
            .clone()
            .sign_in(sign_in("192.0.2.2", &other, known))
            .await;
        answer.unwrap();
    }
    world.advance(std::time::Duration::from_secs(10));
    let answer = world
        .auth
        .clone()
        .sign_in(sign_in("192.0.2.2", &person, false))
        .await;
    answer.unwrap();
}
