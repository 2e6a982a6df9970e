//! The answers of a verifier, and their precedence.

use std::time::Duration;

use verifier::{Purpose, TokenError, revocation::RevocationKind};

use crate::{
    issuer::Issuer,
    world::{LONG, World},
};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn nothing_is_accepted_before_keys_and_a_proven_snapshot_are_there() {
    let mut world = World::new();
    let good = world.token(1);
    assert_eq!(
        world.verify(&good),
        Err(TokenError::Stale),
        "nothing has arrived"
    );
    let mut watch = world.watch().await;
    watch.keys([world.issuer.published()]);
    world.until("nonsense", Err(TokenError::Invalid)).await;
    assert_eq!(
        world.verify(&good),
        Err(TokenError::Stale),
        "only keys have arrived"
    );
    watch.snapshot(&[world.session(1, 2)]);
    watch.delta(&[world.session(2, 3)]);
    watch.keys([world.issuer.published()]);
    for _until_the_second_keys_were_read in 0..2 {
        world.server.acknowledged.recv().await.unwrap();
    }
    assert_eq!(
        world.verify(&good),
        Err(TokenError::Stale),
        "nothing was proven"
    );
    assert!(!*world.ready.borrow());
    watch.heartbeat(world.now());
    world.until(&good, Ok(())).await;
    world.until_ready(true).await;
    for revoked in [2, 3] {
        let refused = world.verify(&world.token(revoked));
        assert_eq!(refused, Err(TokenError::Revoked));
    }
}

#[tokio::test]
async fn each_kind_of_revocation_revokes_its_tokens_and_no_others() {
    let mut world = World::new();
    let other = Issuer::new(8);
    let mut watch = world
        .following(&[world.session(1, 1), world.account(2, 2, 4)])
        .await;
    watch.keys([world.issuer.published(), other.published()]);
    let by_other = other.sign(&world.claims(5));
    world.until(&by_other, Ok(())).await;
    watch.delta(&[
        world.account(3, 3, 3),
        world.revocation(4, RevocationKind::Key, &other.kid, 0),
    ]);
    world.until(&by_other, Err(TokenError::Revoked)).await;
    assert_eq!(world.verify(&world.token(1)), Err(TokenError::Revoked));
    assert_eq!(world.verify(&world.token(2)), Err(TokenError::Revoked));
    assert_eq!(world.verify(&world.token(3)), Ok(()), "its epoch is valid");
    assert_eq!(world.verify(&world.token(5)), Ok(()));
}

#[tokio::test]
async fn signature_comes_before_expiry_before_revocation_before_staleness() {
    let mut world = World::bounded(SHORT, SHORT);
    let watch = world.following(&[world.session(1, 1)]).await;
    let (good, revoked) = (world.token(2), world.token(1));
    assert_eq!(world.verify(&good), Ok(()));
    let mut tampered = good.clone();
    tampered.replace_range(good.len() - 8..good.len() - 6, "AA");
    let later = Issuer::new(7).sign(&{
        let mut claims = world.claims(1);
        claims.exp += 1000;
        claims
    });
    world.until_ready(false).await;
    assert_eq!(world.verify(&good), Err(TokenError::Stale));
    assert_eq!(world.verify(&revoked), Err(TokenError::Revoked));
    assert_eq!(world.verify(&tampered), Err(TokenError::Invalid));
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(world.verify(&revoked), Err(TokenError::Expired));
    assert_eq!(world.verify(&good), Err(TokenError::Expired));
    assert_eq!(world.verify(&tampered), Err(TokenError::Invalid));
    assert_eq!(world.verify(&later), Err(TokenError::Revoked));
    drop(watch);
}

#[tokio::test]
async fn a_silent_feed_stops_writes_at_their_bound_and_reads_at_theirs() {
    let mut world = World::bounded(LONG, SHORT);
    let watch = world.following(&[]).await;
    let token = world.token(1);
    assert_eq!(world.verify(&token), Ok(()));
    assert_eq!(world.verifier.staleness(), None);
    world.until_ready(false).await;
    assert_eq!(world.verify(&token), Err(TokenError::Stale));
    assert_eq!(world.verify_for(&token, Purpose::Read), Ok(()));
    assert!(world.verifier.staleness().unwrap() >= SHORT);
    watch.heartbeat(world.now());
    world.until(&token, Ok(())).await;
    world.until_ready(true).await;

    let mut world = World::bounded(SHORT, LONG);
    let _watch = world.following(&[]).await;
    world.until_ready(false).await;
    assert_eq!(
        world.verify_for(&token, Purpose::Read),
        Err(TokenError::Stale)
    );
    assert_eq!(world.verify_for(&token, Purpose::Write), Ok(()));
}

#[tokio::test]
async fn a_cached_token_is_refused_when_it_is_revoked() {
    let mut world = World::new();
    let mut watch = world.following(&[]).await;
    let (first, second) = (world.token(1), world.token(2));
    for _ in 0..3 {
        assert_eq!(world.verify(&first), Ok(()));
        assert_eq!(world.verify(&second), Ok(()));
    }
    watch.delta(&[world.session(1, 1), world.account(2, 2, 4)]);
    world.until(&first, Err(TokenError::Revoked)).await;
    assert_eq!(world.verify(&second), Err(TokenError::Revoked));
}

#[tokio::test]
async fn a_cached_token_is_refused_when_it_expires_and_when_the_clock_goes_back() {
    let mut world = World::new();
    let _watch = world.following(&[]).await;
    let token = world.token(1);
    assert_eq!(world.verify(&token), Ok(()));
    let start = world.now();
    world.clock.advance(Duration::from_secs(299));
    assert_eq!(world.verify(&token), Ok(()));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.verify(&token), Err(TokenError::Expired));
    world.clock.set(start - chrono::TimeDelta::seconds(1));
    assert_eq!(
        world.verify(&token),
        Err(TokenError::Invalid),
        "not valid before"
    );
}

#[tokio::test]
async fn a_token_that_differs_from_a_cached_one_in_a_byte_is_refused() {
    let mut world = World::new();
    let _watch = world.following(&[]).await;
    let token = world.token(1);
    assert_eq!(world.verify(&token), Ok(()));
    for at in (0..token.len()).step_by(7) {
        let mut other = token.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert_eq!(world.verify(&other), Err(TokenError::Invalid), "{at}");
    }
    assert_eq!(world.verify(&token), Ok(()));
}
