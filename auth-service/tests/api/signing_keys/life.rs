//! Keys replace each other on time, and no token is refused because of it.

use std::time::Duration;

use contract::proto::auth::GetAccountRequest;
use testing::assert_refused;
use tonic::Code;
use verifier::TokenError;

use super::{
    follower::Follower, kid, listed, published, replicas_have_updated, rotate, wait_for_published,
    wait_for_signing,
};
use crate::world::{World, with_tokens};

const TAG: [u8; 32] = [1; 32];
const DAY: Duration = Duration::from_hours(24);
/// The leeway of verifiers, the longest time a replica signs without reading the keys, and one poll of the tests.
const MARGIN: Duration = Duration::from_millis(5_000 + 10_000 + 20);

// Longer than 40 lines: one scenario, each step of which depends on the one before.
#[tokio::test]
async fn an_old_token_is_valid_until_it_expires_and_its_key_is_published_a_little_longer() {
    let world = World::boot().await;
    let person = world.person().await;
    let old = kid(&person.tokens);
    let follower = Follower::diligent(&world, "follower").await;
    let new = rotate(&world).await;
    wait_for_signing(&world, &person, &new).await;
    let verified = || {
        follower
            .verifier
            .verify(&person.tokens.access_token, verifier::Purpose::Read)
    };

    // An access token lives at least 95 % of the configured time.
    world.advance(Duration::from_secs(284));
    let request = with_tokens(&person.tokens, GetAccountRequest {});
    world.account.clone().get_account(request).await.unwrap();
    verified().unwrap();

    world.advance(Duration::from_secs(16) + MARGIN.saturating_sub(Duration::from_millis(1)));
    wait_for_published(&world, &[&new, &old]).await;
    follower
        .sees(|held| held.kids == [new.clone(), old.clone()])
        .await;
    let request = with_tokens(&person.tokens, GetAccountRequest {});
    let refused = world.account.clone().get_account(request).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_EXPIRED",
    );
    assert_eq!(verified(), Err(TokenError::Expired));

    world.advance(Duration::from_millis(1));
    wait_for_published(&world, &[&new]).await;
    follower.sees(|held| held.kids == [new.clone()]).await;
    let request = with_tokens(&person.tokens, GetAccountRequest {});
    let refused = world.account.clone().get_account(request).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_INVALID",
    );
    assert_eq!(verified(), Err(TokenError::Invalid));
    assert_eq!(listed(&world).await, [(new, "ACTIVE".to_owned())]);
}

#[tokio::test]
async fn a_retry_after_a_rotation_gets_the_same_refresh_token_and_an_access_token_of_the_new_key() {
    let world = World::boot().await;
    let person = world.person().await;
    let first = &person.tokens.refresh_token;
    let lost = world.refresh(first, &TAG).await.unwrap();
    let new = rotate(&world).await;
    wait_for_signing(&world, &person, &new).await;
    let again = world.refresh(first, &TAG).await.unwrap();
    assert_eq!(again.refresh_token, lost.refresh_token);
    assert_eq!(kid(&again), new);
    for tokens in [&lost, &again] {
        let request = with_tokens(tokens, GetAccountRequest {});
        world.account.clone().get_account(request).await.unwrap();
    }
    let once_more = world.refresh(first, &TAG).await.unwrap();
    assert_eq!(once_more, again);
}

#[tokio::test]
async fn a_key_is_replaced_when_it_has_signed_for_its_time() {
    let world = World::boot().await;
    let person = world.person().await;
    let mut before = kid(&person.tokens);
    // The steps of the replicas take 20 s.
    world.advance(29 * DAY + Duration::from_micros(86_379_999_999));
    replicas_have_updated(&world, 1).await;
    assert_eq!(kid(&world.sign_in(&person).await), before);
    world.advance(Duration::from_micros(1));
    for round in 1..=2 {
        world
            .becomes(
                "select count(*) from auth.audit_event where kind = 'signing_key_rotated' and actor is null",
                round,
            )
            .await;
        let [(new, _), ..] = &listed(&world).await[..] else {
            panic!("there are keys")
        };
        assert_ne!(*new, before);
        wait_for_signing(&world, &person, new).await;
        before.clone_from(new);
        world.advance(30 * DAY);
    }
}

#[tokio::test]
async fn without_a_schedule_a_key_signs_for_ever() {
    let world = World::with(&[("auth.signing.rotate_every", "0s")]).await;
    let only = published(&world).await;
    world.advance(5_000 * DAY);
    replicas_have_updated(&world, 1).await;
    assert_eq!(published(&world).await, only);
}

#[tokio::test]
async fn keys_that_were_not_read_for_too_long_stop_signing() {
    let world = World::boot().await;
    let person = world.person().await;
    // The database is up, but the keys cannot be read.
    world
        .execute("alter table auth.signing_key rename to hidden")
        .await;
    let mut refused = None;
    for _ in 0..1_000 {
        if let Err(status) = world.refresh(&person.tokens.refresh_token, &TAG).await {
            refused = Some(status);
            break;
        }
        tokio::time::sleep(crate::world::POLL).await;
    }
    let refused = refused.unwrap();
    assert_refused(&refused, Code::Unavailable, "VERIFICATION_KEYS_UNAVAILABLE");
    world
        .execute("alter table auth.hidden rename to signing_key")
        .await;
    for _ in 0..1_000 {
        if world
            .refresh(&person.tokens.refresh_token, &TAG)
            .await
            .is_ok()
        {
            return;
        }
        tokio::time::sleep(crate::world::POLL).await;
    }
    panic!("the keys can be read again");
}
