//! Keys that must not be trusted any more.

use contract::proto::auth::GetAccountRequest;
use testing::assert_refused;
use tonic::Code;
use verifier::TokenError;

use super::{
    follower::Follower, kid, kill, listed, replicas_have_updated, rotate, wait_for_published,
    wait_for_signing,
};
use crate::world::{World, with_tokens};

// Longer than 40 lines: one scenario, each step of which depends on the one before.
#[tokio::test]
async fn a_killed_key_verifies_nothing_and_another_one_signs_at_once() {
    let world = World::boot().await;
    let person = world.person().await;
    let old = kid(&person.tokens);
    // It never acknowledges anything, and the service does not wait for it.
    let follower = Follower::silent(&world, "silent").await;
    let output = kill(&world, &old).await.unwrap();
    let [_, "is", "killed;", new, "signs"] = output.split_whitespace().collect::<Vec<_>>()[..]
    else {
        panic!("{output}")
    };
    follower.sees(|held| held.killed == [old.clone()]).await;
    follower.sees(|held| held.kids == [new.to_owned()]).await;
    let token = &person.tokens.access_token;
    assert_eq!(
        follower.verifier.verify(token, verifier::Purpose::Read),
        Err(TokenError::Invalid)
    );
    wait_for_published(&world, &[new]).await;
    let request = with_tokens(&person.tokens, GetAccountRequest {});
    let refused = world.account.clone().get_account(request).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_INVALID",
    );

    // Its sessions continue, because the refresh token does not depend on the key.
    let tokens = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap();
    assert_eq!(kid(&tokens), new);
    let request = with_tokens(&tokens, GetAccountRequest {});
    world.account.clone().get_account(request).await.unwrap();
    world
        .becomes(
            "select count(*) from auth.audit_event
             where kind = 'signing_key_killed' and account_id is null and actor = 'cli'",
            1,
        )
        .await;
}

#[tokio::test]
async fn a_killed_key_is_never_published_again_even_to_a_verifier_that_connects_later() {
    let world = World::boot().await;
    let person = world.person().await;
    let old = kid(&person.tokens);
    let new = rotate(&world).await;
    wait_for_signing(&world, &person, &new).await;
    kill(&world, &old).await.unwrap();
    wait_for_published(&world, &[&new]).await;
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    let late = Follower::silent(&world, "late").await;
    late.sees(|held| held.kids == [new.clone()] && held.killed == [old.clone()])
        .await;
}

#[tokio::test]
async fn a_key_killed_before_it_signs_never_does() {
    let world = World::boot().await;
    let person = world.person().await;
    let old = kid(&person.tokens);
    let silent = Follower::silent(&world, "silent").await;
    let next = rotate(&world).await;
    silent.learns(&next).await;
    let output = kill(&world, &next).await.unwrap();
    assert_eq!(output, format!("{next} is killed"));
    silent.acknowledge().await;
    wait_for_published(&world, &[&old]).await;
    replicas_have_updated(&world, 1).await;
    assert_eq!(listed(&world).await, [(old, "ACTIVE".to_owned())]);
    // Another key can be made now.
    let other = rotate(&world).await;
    assert_ne!(other, next);
    silent.learns(&other).await;
    silent.acknowledge().await;
    wait_for_signing(&world, &person, &other).await;
}

#[tokio::test]
async fn a_key_is_killed_once_and_an_unknown_key_is_refused() {
    let world = World::boot().await;
    let old = kid(&world.person().await.tokens);
    kill(&world, &old).await.unwrap();
    for unknown in [old.as_str(), "unknown", ""] {
        let refused = kill(&world, unknown).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("there is no signing key {unknown}, or it was killed before")
        );
    }
    world
        .becomes(
            "select count(*) from auth.revocation where kind = 3 and min_epoch = 0",
            1,
        )
        .await;
}

#[tokio::test]
async fn no_private_key_is_kept_after_it_has_stopped_signing() {
    let world = World::boot().await;
    let person = world.person().await;
    let retired = kid(&person.tokens);
    let killed = rotate(&world).await;
    wait_for_signing(&world, &person, &killed).await;
    kill(&world, &killed).await.unwrap();
    world
        .becomes(
            "select count(*) from auth.signing_key where sealed_private_key is not null",
            1,
        )
        .await;
    let keys = listed(&world).await;
    assert_eq!(keys.len(), 2);
    let (active, state) = &keys[0];
    assert_eq!(state, "ACTIVE");
    assert_eq!(keys[1], (retired, "RETIRED".to_owned()));
    wait_for_signing(&world, &person, active).await;
}
