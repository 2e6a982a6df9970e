//! How a feed is started, resumed and followed.

use tokio::net::TcpListener;
use verifier::TokenError;

use crate::world::{LONG, SECRET, World};

#[tokio::test]
async fn a_verifier_identifies_itself_and_requests_a_snapshot() {
    let mut world = World::new();
    let watch = world.watch().await;
    assert_eq!(watch.bearer, format!("Bearer {SECRET}"));
    assert_eq!(watch.request.verifier_id, "verifier-1");
    assert_eq!(
        (
            watch.request.since_sequence,
            watch.request.incarnation.as_str()
        ),
        (0, "")
    );
}

#[tokio::test]
async fn deltas_in_any_order_and_more_than_once_make_the_same_set() {
    let mut world = World::new();
    let mut watch = world.following(&[world.session(2, 2)]).await;
    let [one, three, four] =
        [1, 3, 4].map(|number| world.session(number, number.unsigned_abs().into()));
    watch.delta(&[four.clone(), three.clone()]);
    watch.delta(&[world.session(2, 2), four.clone()]);
    watch.delta(&[one, three, four]);
    watch.heartbeat(world.now());
    for number in 1..=4 {
        world
            .until(&world.token(number), Err(TokenError::Revoked))
            .await;
    }
    // If the heartbeat did not match what is held, the verifier would have closed the stream.
    watch.delta(&[world.session(9, 9)]);
    world.until(&world.token(9), Err(TokenError::Revoked)).await;
    assert_eq!(world.verify(&world.token(5)), Ok(()));
    assert!(
        world.server.watches.try_recv().is_err(),
        "it has not subscribed again"
    );
}

#[tokio::test]
async fn a_feed_that_ends_is_resumed_at_its_last_position() {
    let mut world = World::new();
    let mut watch = world.following(&[world.session(5, 5)]).await;
    watch.delta(&[world.session(9, 9), world.session(7, 7)]);
    world.until(&world.token(9), Err(TokenError::Revoked)).await;
    drop(watch);
    let mut resumed = world.watch().await;
    let request = &resumed.request;
    assert_eq!(
        (request.since_sequence, request.incarnation.as_str()),
        (9, "first")
    );
    assert_eq!(
        world.verify(&world.token(9)),
        Err(TokenError::Revoked),
        "it is still held"
    );
    assert_eq!(
        world.verify(&world.token(1)),
        Ok(()),
        "and within the bounds"
    );
    resumed.publish(&[
        world.session(5, 5),
        world.session(9, 9),
        world.session(7, 7),
    ]);
    resumed.delta(&[world.session(11, 1)]);
    resumed.heartbeat(world.now());
    world.until(&world.token(1), Err(TokenError::Revoked)).await;
    assert_eq!(world.verify(&world.token(7)), Err(TokenError::Revoked));
}

#[tokio::test]
async fn a_snapshot_replaces_what_was_held() {
    let mut world = World::new();
    let mut watch = world.following(&[world.session(1, 1)]).await;
    "second".clone_into(&mut watch.incarnation);
    watch.snapshot(&[world.session(1, 2)]);
    watch.heartbeat(world.now());
    world.until(&world.token(2), Err(TokenError::Revoked)).await;
    assert_eq!(world.verify(&world.token(1)), Ok(()));
    drop(watch);
    let request = world.watch().await.request;
    assert_eq!(
        (request.since_sequence, request.incarnation.as_str()),
        (1, "second")
    );
}

#[tokio::test]
async fn expired_revocations_are_removed_and_the_proofs_still_match() {
    let mut world = World::new();
    let watch = world
        .following(&[world.session(1, 1), world.account(2, 2, 9)])
        .await;
    let start = world.now();
    for seconds in [1, 304, 305, 306, 400, 390, 1000] {
        watch.heartbeat_of(start + chrono::TimeDelta::seconds(seconds));
    }
    // The token names a session whose revocation has expired: it can only be accepted because the revocation was removed.
    world.until(&world.token(1), Ok(())).await;
    assert!(
        world.server.watches.try_recv().is_err(),
        "it has not subscribed again"
    );
}

#[tokio::test]
async fn a_stop_ends_the_subscription_and_closes_the_readiness_channel() {
    let mut world = World::new();
    let _watch = world.following(&[]).await;
    world.stop.cancel();
    let ended = async { while world.ready.changed().await.is_ok() {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), ended)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_next_replica_is_tried_when_one_is_unreachable() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone_at = gone.local_addr().unwrap();
    drop(gone);
    let mut world = World::listed_after(&[gone_at, gone_at], LONG, LONG);
    for _ in 0..2 {
        let watch = world.following(&[]).await;
        assert_eq!(world.verify(&world.token(1)), Ok(()));
        drop(watch);
    }
}
