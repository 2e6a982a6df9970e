//! Keys come by the feed, are acknowledged, and take the tokens of others with them when they go.

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
    let watch = world.told(&[]).await;
    let noted = world.script.acknowledged.recv().await.unwrap();
    assert_eq!(noted.verifier_id, "verifier-1");
    assert_eq!(noted.kids, [world.issuer.kid.as_str()]);
    let mut foreign = next.published();
    "RSA".clone_into(&mut foreign.kty);
    "other".clone_into(&mut foreign.kid);
    watch.keys([world.issuer.published(), next.published(), foreign]);
    let mut noted = world.script.acknowledged.recv().await.unwrap();
    noted.kids.sort();
    assert_eq!(noted.kids, [world.issuer.kid.as_str(), next.kid.as_str()]);
    assert_eq!(world.verify(&next.sign(&world.claims(1))), Ok(()));
}

#[tokio::test]
async fn the_same_keys_told_again_are_acknowledged_again() {
    let mut world = World::new();
    let watch = world.told(&[]).await;
    watch.keys([world.issuer.published()]);
    for _ in 0..2 {
        let noted = world.script.acknowledged.recv().await.unwrap();
        assert_eq!(noted.kids, [world.issuer.kid.as_str()]);
    }
}

#[tokio::test]
async fn tokens_of_a_key_that_is_gone_are_refused_although_remembered() {
    let mut world = World::new();
    let next = Issuer::new(8);
    let watch = world.told(&[]).await;
    let token = world.token(1);
    assert_eq!(world.verify(&token), Ok(()));
    watch.keys([next.published()]);
    world.until(&token, Err(TokenError::Invalid)).await;
    assert_eq!(world.verify(&next.sign(&world.claims(1))), Ok(()));
}

#[tokio::test]
async fn a_key_of_the_same_id_does_not_inherit_what_was_remembered() {
    let mut world = World::new();
    let mut other = Issuer::new(8);
    other.kid.clone_from(&world.issuer.kid);
    let watch = world.told(&[]).await;
    let token = world.token(1);
    assert_eq!(world.verify(&token), Ok(()));
    watch.keys([other.published()]);
    world.until(&token, Err(TokenError::Invalid)).await;
    assert_eq!(world.verify(&other.sign(&world.claims(1))), Ok(()));
}

#[tokio::test]
async fn without_any_key_nothing_is_accepted_and_it_is_not_ready() {
    let mut world = World::new();
    let watch = world.told(&[]).await;
    let token = world.token(1);
    watch.keys([]);
    world.until(&token, Err(TokenError::Stale)).await;
    world.until_ready(false).await;
}

#[tokio::test]
async fn a_token_of_an_unknown_key_is_invalid_unless_the_key_may_have_been_missed() {
    let mut world = World::new();
    let next = Issuer::new(8).sign(&world.claims(1));
    let watch = world.told(&[]).await;
    assert_eq!(world.verify(&next), Err(TokenError::Invalid));
    let cut = Instant::now();
    drop(watch);
    world.until(&next, Err(TokenError::Stale)).await;
    let noticed = cut.elapsed();
    assert!(
        noticed < Duration::from_secs(2),
        "not by silence: {noticed:?}"
    );
    let again = world.told(&[]).await;
    world.until(&next, Err(TokenError::Invalid)).await;
    drop(again);
}

#[tokio::test]
async fn a_key_may_have_been_missed_by_a_feed_that_is_silent_too() {
    let mut world = World::bounded(LONG, Duration::from_millis(100));
    let next = Issuer::new(8).sign(&world.claims(1));
    let silent = world.told(&[]).await;
    assert_eq!(world.verify(&next), Err(TokenError::Invalid));
    // Only the next stream, after 2 s, is a sure sign that the feed has been silent for so long.
    let _again = world.watch().await;
    assert_eq!(world.verify(&next), Err(TokenError::Stale));
    drop(silent);
}
