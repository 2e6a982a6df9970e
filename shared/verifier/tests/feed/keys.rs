//! Keys arrive by the feed and are acknowledged. Tokens of removed keys are refused.

use std::time::{Duration, Instant};

use verifier::TokenError;

use crate::{
    issuer::Issuer,
    world::{LONG, World},
};

#[tokio::test]
async fn keys_are_acknowledged_once_they_are_accepted() {
    let mut world = World::new();
    let next = Issuer::new(8);
    let watch = world.following(&[]).await;
    let request = world.server.acknowledged.recv().await.unwrap();
    assert_eq!(request.verifier_id, "verifier-1");
    assert_eq!(request.kids, [world.issuer.kid.as_str()]);
    let mut foreign = next.published();
    "RSA".clone_into(&mut foreign.kty);
    "other".clone_into(&mut foreign.kid);
    watch.keys([world.issuer.published(), next.published(), foreign]);
    let mut request = world.server.acknowledged.recv().await.unwrap();
    request.kids.sort();
    assert_eq!(request.kids, [world.issuer.kid.as_str(), next.kid.as_str()]);
    assert_eq!(world.verify(&next.sign(&world.claims(1))), Ok(()));
}

#[tokio::test]
async fn the_same_keys_sent_again_are_acknowledged_again() {
    let mut world = World::new();
    let watch = world.following(&[]).await;
    watch.keys([world.issuer.published()]);
    for _ in 0..2 {
        let request = world.server.acknowledged.recv().await.unwrap();
        assert_eq!(request.kids, [world.issuer.kid.as_str()]);
    }
}

#[tokio::test]
async fn cached_tokens_of_a_removed_key_are_refused() {
    let mut world = World::new();
    let next = Issuer::new(8);
    let watch = world.following(&[]).await;
    let token = world.token(1);
    assert_eq!(world.verify(&token), Ok(()));
    watch.keys([next.published()]);
    world.until(&token, Err(TokenError::Invalid)).await;
    assert_eq!(world.verify(&next.sign(&world.claims(1))), Ok(()));
}

#[tokio::test]
async fn a_new_key_with_the_same_id_does_not_accept_cached_tokens_of_the_old_one() {
    let mut world = World::new();
    let mut other = Issuer::new(8);
    other.kid.clone_from(&world.issuer.kid);
    let watch = world.following(&[]).await;
    let token = world.token(1);
    assert_eq!(world.verify(&token), Ok(()));
    watch.keys([other.published()]);
    world.until(&token, Err(TokenError::Invalid)).await;
    assert_eq!(world.verify(&other.sign(&world.claims(1))), Ok(()));
}

#[tokio::test]
async fn without_any_key_no_token_is_accepted_and_the_verifier_is_not_ready() {
    let mut world = World::new();
    let watch = world.following(&[]).await;
    let token = world.token(1);
    watch.keys([]);
    world.until(&token, Err(TokenError::Stale)).await;
    world.until_ready(false).await;
}

#[tokio::test]
async fn a_token_of_an_unknown_key_is_invalid_unless_the_key_may_have_been_missed() {
    let mut world = World::new();
    let next = Issuer::new(8).sign(&world.claims(1));
    let watch = world.following(&[]).await;
    assert_eq!(world.verify(&next), Err(TokenError::Invalid));
    let cut = Instant::now();
    drop(watch);
    world.until(&next, Err(TokenError::Stale)).await;
    let noticed = cut.elapsed();
    assert!(
        noticed < Duration::from_secs(2),
        "noticed by silence only: {noticed:?}"
    );
    let again = world.following(&[]).await;
    world.until(&next, Err(TokenError::Invalid)).await;
    drop(again);
}

#[tokio::test]
async fn a_key_may_also_have_been_missed_while_the_feed_was_silent() {
    let mut world = World::bounded(LONG, Duration::from_millis(100));
    let next = Issuer::new(8).sign(&world.claims(1));
    let silent = world.following(&[]).await;
    assert_eq!(world.verify(&next), Err(TokenError::Invalid));
    // The next stream, after 2 s, shows that the feed has been silent for that time.
    let _again = world.watch().await;
    assert_eq!(world.verify(&next), Err(TokenError::Stale));
    drop(silent);
}
