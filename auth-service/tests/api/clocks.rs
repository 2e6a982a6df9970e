//! Replicas whose clocks differ.

use std::{sync::Arc, time::Duration};

use clock::Clock as _;
use contract::proto::auth::GetAccountRequest;
use testing::{TestClock, assert_refused};
use tonic::Code;

use crate::{
    introspect_token::introspect,
    world::{World, with_tokens},
};

/// The first replica, at a full second, and one whose clock is `millis` behind.
async fn pair(millis: u64) -> (World, World) {
    let first = World::boot().await;
    first.advance(Duration::from_millis(750));
    let clock = TestClock::at("2026-01-01T00:00:01Z");
    clock.set(clock.now() - Duration::from_millis(millis));
    let second = World::on(Arc::clone(&first.database), clock, &[]).await;
    (first, second)
}

#[tokio::test]
async fn a_replica_whose_clock_is_behind_accepts_fresh_tokens() {
    for millis in [10, 1_000, 2_000] {
        let (first, second) = pair(millis).await;
        let person = first.person().await;
        let request = with_tokens(&person.tokens, GetAccountRequest {});
        second.account.clone().get_account(request).await.unwrap();
        let known = introspect(&second, &person.tokens.access_token).await;
        assert!(known.unwrap().active, "{millis} ms");
        let refreshed = second.refresh(&person.tokens.refresh_token, &[]).await;
        let request = with_tokens(&refreshed.unwrap(), GetAccountRequest {});
        first.account.clone().get_account(request).await.unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_is_further_behind_than_the_leeway_is_noticed() {
    let (first, second) = pair(3_000).await;
    let person = first.person().await;
    let request = with_tokens(&person.tokens, GetAccountRequest {});
    let refused = second.account.clone().get_account(request).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_INVALID",
    );
}
