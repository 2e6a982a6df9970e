//! Limits of addresses and accounts: too many wrong passwords from one address, or for one account.

use std::time::Duration;

use contract::proto::auth::{SignInResponse, SignUpRequest};
use testing::{assert_refused, retry_delay};
use tonic::{Code, Request, Response, Status, metadata::AsciiMetadataValue};

use crate::world::{PASSWORD, World, credentials};

pub(crate) const WRONG: &str = "a wrong password";
/// The calls of the tests come through a proxy, which adds the address of the client.
pub(crate) const BEHIND_PROXY: (&str, &str) = ("auth.server.trusted_proxies", "127.0.0.0/8");
const THREE_AT_ONCE: [(&str, &str); 3] = [
    BEHIND_PROXY,
    ("auth.throttle.address_burst", "3"),
    ("auth.throttle.address_interval", "10s"),
];
const MILLISECOND: Duration = Duration::from_millis(1);

/// A request that a proxy forwards for a client at `address`.
pub(crate) fn from<T>(address: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let address: AsciiMetadataValue = address.parse().unwrap();
    request.metadata_mut().insert("x-forwarded-for", address);
    request
}

/// Tries to sign in from an address.
async fn try_from(
    world: &World,
    address: &str,
    email: &str,
    password: &str,
) -> Result<Response<SignInResponse>, Status> {
    let request = from(address, credentials(email, password));
    world.auth.clone().sign_in(request).await
}

/// Asserts that a call was refused for too many attempts; returns the time until the next one is allowed.
#[track_caller]
pub(crate) fn limited<T: std::fmt::Debug>(answer: Result<T, Status>) -> Duration {
    let refused = answer.unwrap_err();
    assert_refused(&refused, Code::ResourceExhausted, "RATE_LIMITED");
    retry_delay(&refused)
}

/// Asserts that a password was verified and was wrong.
#[track_caller]
pub(crate) fn wrong<T: std::fmt::Debug>(answer: Result<T, Status>) {
    assert_refused(
        &answer.unwrap_err(),
        Code::Unauthenticated,
        "CREDENTIALS_INVALID",
    );
}

#[tokio::test]
async fn an_address_that_guesses_waits_as_long_as_retry_info_says_and_no_other_address_waits() {
    let world = World::with(&THREE_AT_ONCE).await;
    for number in 0..3 {
        let email = format!("nobody{number}@example.org");
        wrong(try_from(&world, "192.0.2.1", &email, WRONG).await);
    }
    let next = "nobody3@example.org";
    let wait = limited(try_from(&world, "192.0.2.1", next, WRONG).await);
    assert_eq!(wait, Duration::from_secs(10));
    wrong(try_from(&world, "192.0.2.2", next, WRONG).await);
    world.advance(wait.saturating_sub(MILLISECOND));
    let rest = limited(try_from(&world, "192.0.2.1", next, WRONG).await);
    assert_eq!(rest, MILLISECOND);
    world.advance(rest);
    wrong(try_from(&world, "192.0.2.1", next, WRONG).await);
    limited(try_from(&world, "192.0.2.1", next, WRONG).await);
}

#[tokio::test]
async fn a_right_password_does_not_count_against_its_address() {
    let world = World::with(&THREE_AT_ONCE).await;
    let person = world.person().await;
    for _ in 0..10 {
        try_from(&world, "192.0.2.1", &person.email, PASSWORD)
            .await
            .unwrap();
    }
    world.becomes("select count(*) from auth.throttle", 0).await;
}

#[tokio::test]
async fn sign_ups_from_one_address_are_limited() {
    let world = World::with(&THREE_AT_ONCE).await;
    let sign_up = async |number: u32| {
        let request = SignUpRequest {
            email: format!("person{number}@example.org"),
            password: PASSWORD.to_owned(),
            ..SignUpRequest::default()
        };
        world.auth.clone().sign_up(from("192.0.2.1", request)).await
    };
    for number in 0..3 {
        sign_up(number).await.unwrap();
    }
    let wait = limited(sign_up(3).await);
    world.advance(wait);
    sign_up(3).await.unwrap();
}

#[tokio::test]
async fn addresses_of_one_ipv6_64_count_as_one() {
    let world = World::with(&THREE_AT_ONCE).await;
    for number in 0..3 {
        let address = format!("2001:db8::{number}:1");
        wrong(try_from(&world, &address, "nobody@example.org", WRONG).await);
    }
    limited(try_from(&world, "2001:db8::ffff", "nobody@example.org", WRONG).await);
    wrong(try_from(&world, "2001:db8:0:1::1", "nobody@example.org", WRONG).await);
}

#[tokio::test]
async fn a_client_cannot_choose_its_address() {
    // A proxy appends the address of its client. The client can write the addresses before that itself.
    let world = World::with(&THREE_AT_ONCE).await;
    for number in 0..3 {
        let claimed = format!("203.0.113.{number}, 192.0.2.1");
        wrong(try_from(&world, &claimed, "nobody@example.org", WRONG).await);
    }
    let claimed = "203.0.113.3, 192.0.2.1";
    limited(try_from(&world, claimed, "nobody@example.org", WRONG).await);

    // Without a trusted proxy, the client can write the whole header.
    let alone = World::with(&THREE_AT_ONCE[1..]).await;
    for number in 0..3 {
        let claimed = format!("203.0.113.{number}");
        wrong(try_from(&alone, &claimed, "nobody@example.org", WRONG).await);
    }
    limited(try_from(&alone, "203.0.113.3", "nobody@example.org", WRONG).await);
}

#[tokio::test]
async fn an_account_allows_ten_wrong_passwords_in_a_quarter_of_an_hour_from_all_addresses_together()
{
    let world = World::with(&[BEHIND_PROXY]).await;
    let person = world.person().await;
    for number in 0..10 {
        wrong(try_from(&world, &format!("192.0.2.{number}"), &person.email, WRONG).await);
        world.advance(Duration::from_secs(30));
    }
    let wait = limited(try_from(&world, "198.51.100.1", &person.email, PASSWORD).await);
    assert_eq!(wait, Duration::from_mins(10));

    // The count is in the database, so a service that has just started knows it.
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[BEHIND_PROXY]).await;
    world.advance(wait.saturating_sub(MILLISECOND));
    let rest = limited(try_from(&world, "198.51.100.1", &person.email, PASSWORD).await);
    assert_eq!(rest, MILLISECOND);
    world.advance(rest);
    try_from(&world, "198.51.100.1", &person.email, PASSWORD)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_unknown_account_is_limited_like_a_known_one() {
    let world = World::boot().await;
    let known = world.person().await;
    let disabled = world.person().await;
    world
        .execute("update auth.account set state = 2 where email = 'person1@example.org'")
        .await;
    let mut answers = Vec::new();
    for email in [&known.email, &disabled.email, "nobody@example.org"] {
        for _ in 0..10 {
            wrong(world.auth.clone().sign_in(credentials(email, WRONG)).await);
        }
        let request = credentials(&email.to_uppercase(), PASSWORD);
        let refused = world.auth.clone().sign_in(request).await.unwrap_err();
        answers.push((refused.message().to_owned(), refused.details().len()));
        assert_eq!(limited::<()>(Err(refused)), Duration::from_mins(15));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn an_account_at_its_limit_is_refused_before_anything_is_hashed() {
    let settings = [("auth.throttle.account_failures", "1")];
    let world = World::with(&settings).await;
    let person = world.person().await;
    // A malformed hash makes every verification fail, so this shows that none is tried.
    world
        .execute("update auth.account set password_hash = 'none'")
        .await;
    let attempt = async || {
        let request = credentials(&person.email, WRONG);
        world.auth.clone().sign_in(request).await
    };
    let reached = attempt().await.unwrap_err();
    assert_refused(&reached, Code::Internal, "INTERNAL");
    world
        .execute(
            "insert into auth.throttle (key, failures, expire_time)
             select email_hash, 1, '2026-01-01T00:01:00Z' from auth.account",
        )
        .await;
    limited(attempt().await);
}

#[tokio::test]
async fn all_concurrent_wrong_passwords_are_counted() {
    let world = World::boot().await;
    let attempts: Vec<_> = (0..8)
        .map(|_| {
            let mut auth = world.auth.clone();
            tokio::spawn(
                async move { auth.sign_in(credentials("nobody@example.org", WRONG)).await },
            )
        })
        .collect();
    for attempt in attempts {
        wrong(attempt.await.unwrap());
    }
    world.becomes("select failures from auth.throttle", 8).await;
}

#[tokio::test]
async fn whoever_changes_the_64_or_56_of_an_ipv6_48_is_soon_refused() {
    let world = World::with(&THREE_AT_ONCE).await;
    let allowed = async |addresses: &dyn Fn(u32) -> String| {
        let mut wrong_passwords = 0;
        for number in 1..=12 {
            let email = format!("nobody{number}@example.org");
            let answer = try_from(&world, &addresses(number), &email, WRONG).await;
            match answer.unwrap_err().code() {
                Code::Unauthenticated => wrong_passwords += 1,
                code => assert_eq!(code, Code::ResourceExhausted),
            }
        }
        wrong_passwords
    };
    assert_eq!(
        allowed(&|subnet| format!("2001:db8:0:{subnet:x}::1")).await,
        6
    );
    assert_eq!(
        allowed(&|site| format!("2001:db8:0:{site:x}00::1")).await,
        3
    );
    assert_eq!(allowed(&|host| format!("2001:db8:1::{host:x}")).await, 3);
    let next = try_from(&world, "2001:db8:0:ff00::1", "nobody@example.org", WRONG);
    limited(next.await);
}
