//! Feeds that send wrong proofs, are late or silent, break off or refuse.

use std::time::Duration;

use api::time::timestamp;
use chrono::TimeDelta;
use contract::{
    proto::auth::{RevocationDelta, RevocationHeartbeat, watch_revocations_response::Event},
    refusal::{Reason, refuse_with_reason},
};
use tokio::time::Instant;
use verifier::{Purpose, TokenError};

use crate::{
    scripted_server::Watch,
    world::{LONG, World},
};

const SHORT_BOUND: Duration = Duration::from_millis(400);

/// After a fault: a snapshot is requested, and what was held is kept.
async fn requests_a_snapshot(world: &mut World) -> Watch {
    let watch = world.watch().await;
    let request = &watch.request;
    assert_eq!(
        (request.since_sequence, request.incarnation.as_str()),
        (0, "")
    );
    assert_eq!(world.verify(&world.token(1)), Err(TokenError::Revoked));
    watch
}

#[tokio::test]
async fn a_heartbeat_with_another_count_or_digest_makes_the_verifier_request_a_snapshot() {
    let mut world = World::new();
    let mut watch = world.following(&[world.session(1, 1)]).await;
    let beat = |count, digest: &[u8]| {
        Event::Heartbeat(RevocationHeartbeat {
            head_sequence: 1,
            count,
            digest: digest.to_vec(),
            as_of: Some(timestamp(world.now())),
            age: None,
        })
    };
    let true_digest = world.session(1, 1).digest();
    let mut wrong_digest = true_digest;
    wrong_digest[15] ^= 1;
    let undated = Event::Heartbeat(RevocationHeartbeat {
        count: 1,
        digest: true_digest.to_vec(),
        ..RevocationHeartbeat::default()
    });
    let wrong_heartbeats = [
        beat(2, &true_digest),
        beat(-1, &true_digest),
        beat(1, &wrong_digest),
        beat(1, &true_digest[..15]),
        beat(1, &[]),
        undated,
    ];
    for wrong in wrong_heartbeats {
        watch.send(wrong);
        watch = requests_a_snapshot(&mut world).await;
        watch.snapshot(&[world.session(1, 1)]);
        watch.heartbeat(world.now());
    }
}

#[tokio::test]
async fn an_entry_that_was_published_and_not_sent_is_detected() {
    let mut world = World::new();
    let mut watch = world.following(&[world.session(1, 1)]).await;
    let lost = world.token(2);
    watch.publish(&[world.session(2, 2)]);
    watch.delta(&[world.session(3, 3)]);
    assert_eq!(world.verify(&lost), Ok(()));
    watch.heartbeat(world.now());
    let mut next = requests_a_snapshot(&mut world).await;
    next.snapshot(&[
        world.session(1, 1),
        world.session(2, 2),
        world.session(3, 3),
    ]);
    next.heartbeat(world.now());
    world.until(&lost, Err(TokenError::Revoked)).await;
}

#[tokio::test]
async fn a_feed_whose_proofs_keep_failing_is_stale_however_much_it_sends() {
    let mut world = World::bounded(SHORT_BOUND, SHORT_BOUND);
    let first = world.following(&[world.session(1, 1)]).await;
    drop(first);
    let token = world.token(2);
    while world.verify(&token) != Err(TokenError::Stale) {
        let mut watch = world.watch().await;
        watch.snapshot(&[world.session(1, 1)]);
        watch.publish(&[world.session(2, 2)]);
        watch.heartbeat(world.now());
    }
    assert!(!*world.ready.borrow());
}

#[tokio::test]
async fn another_incarnation_without_a_snapshot_makes_the_verifier_request_one() {
    let mut world = World::new();
    let mut watch = world.following(&[world.session(1, 1)]).await;
    for round in 0..2 {
        "second".clone_into(&mut watch.incarnation);
        if round == 0 {
            watch.heartbeat(world.now());
        } else {
            watch.delta(&[]);
        }
        watch = requests_a_snapshot(&mut world).await;
        watch.snapshot(&[world.session(1, 1)]);
        watch.heartbeat(world.now());
    }
}

#[tokio::test]
async fn a_feed_that_begins_without_the_requested_snapshot_is_closed() {
    let mut world = World::new();
    let mut watch = world.watch().await;
    watch.delta(&[world.session(1, 1)]);
    let watch = world.watch().await;
    assert_eq!(watch.request.since_sequence, 0);
    watch.heartbeat(world.now());
    assert_eq!(world.watch().await.request.since_sequence, 0);
    assert_eq!(world.verify(&world.token(2)), Err(TokenError::Stale));
}

#[tokio::test]
async fn a_revocation_that_cannot_be_read_is_not_ignored() {
    let mut world = World::new();
    let watch = world.following(&[world.session(1, 1)]).await;
    let mut unknown = contract::proto::auth::Revocation::from(world.session(2, 2));
    unknown.kind = 9;
    watch.send(Event::Delta(RevocationDelta {
        revocations: vec![unknown],
    }));
    requests_a_snapshot(&mut world).await;
}

#[tokio::test]
async fn after_a_refusal_it_is_tried_again_and_what_is_held_is_kept() {
    let mut world = World::new();
    let watch = world.following(&[world.session(1, 1)]).await;
    watch.fail(refuse_with_reason(Reason::Draining));
    for _ in 0..3 {
        let watch = world.watch().await;
        assert_eq!(watch.request.since_sequence, 1);
        assert_eq!(world.verify(&world.token(1)), Err(TokenError::Revoked));
        assert_eq!(world.verify(&world.token(2)), Ok(()));
        watch.fail(refuse_with_reason(Reason::TokenInvalid));
    }
}

#[tokio::test]
async fn a_silent_feed_is_replaced_by_another_connection_after_two_seconds() {
    let mut world = World::bounded(LONG, Duration::from_secs(1));
    let watch = world.following(&[]).await;
    let began = Instant::now();
    let token = world.token(1);
    world.until_ready(false).await;
    let resumed = world.watch().await;
    assert!(began.elapsed() > Duration::from_millis(1900));
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_ne!(resumed.peer, watch.peer, "the old connection may be broken");
    assert_eq!(world.verify(&token), Err(TokenError::Stale));
    assert_eq!(world.verify_for(&token, Purpose::Read), Ok(()));
    resumed.heartbeat(world.now());
    world.until_ready(true).await;
    assert_eq!(world.verify(&token), Ok(()));
    assert_eq!(world.verifier.staleness(), None);
}

#[tokio::test]
async fn late_messages_do_not_count_as_fresh() {
    let mut world = World::bounded(LONG, SHORT_BOUND);
    let watch = world.following(&[]).await;
    let (token, start) = (world.token(1), world.now());
    // Heartbeats keep arriving, but each was made within the first milliseconds.
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let mut sent = 0;
    while *world.ready.borrow() {
        ticks.tick().await;
        watch.heartbeat_of(start + TimeDelta::microseconds(sent));
        sent += 1;
    }
    assert!(sent > 10, "{sent}");
    assert_eq!(world.verify(&token), Err(TokenError::Stale));
    assert_eq!(world.verify_for(&token, Purpose::Read), Ok(()));
    // The feed is no longer late.
    watch.heartbeat(start);
    world.until_ready(true).await;
    assert_eq!(world.verify(&token), Ok(()));
}

#[tokio::test]
async fn a_feed_that_stays_late_is_closed_and_resumed() {
    let mut world = World::new();
    let watch = world.following(&[world.session(3, 3)]).await;
    let start = world.now();
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let resumed = loop {
        tokio::select! {
            _ = ticks.tick() => watch.heartbeat_of(start),
            resumed = world.server.watches.recv() => break resumed.unwrap(),
        }
    };
    assert_eq!(resumed.request.since_sequence, 3);
}

#[tokio::test]
async fn a_proof_from_before_the_stream_is_as_old_as_it_says() {
    let mut world = World::bounded(LONG, Duration::from_secs(4));
    let mut watch = world.watch().await;
    let token = world.token(1);
    watch.keys([world.issuer.published()]);
    watch.snapshot(&[]);
    watch.aged_heartbeat(world.now(), Some(Duration::from_secs(5)));
    let mut changes = world.verifier.changes();
    while world.verify_for(&token, Purpose::Read) != Ok(()) {
        changes.changed().await.unwrap();
    }
    assert_eq!(world.verify(&token), Err(TokenError::Stale));
    assert!(!*world.ready.borrow());
    assert!(world.verifier.staleness() >= Some(Duration::from_secs(5)));
    // What the next stream repeats after an interruption does not become newer.
    let again = world.watch().await;
    again.aged_heartbeat(world.now(), Some(Duration::from_secs(6)));
    let last = world.watch().await;
    assert_eq!(world.verify(&token), Err(TokenError::Stale));
    last.heartbeat(world.now());
    world.until_ready(true).await;
    assert_eq!(world.verify(&token), Ok(()));
}

#[tokio::test]
async fn a_proof_of_unknown_age_counts_as_a_second_old() {
    let mut world = World::bounded(LONG, SHORT_BOUND);
    let mut watch = world.watch().await;
    let token = world.token(1);
    watch.keys([world.issuer.published()]);
    watch.snapshot(&[]);
    watch.aged_heartbeat(world.now(), None);
    let mut changes = world.verifier.changes();
    while world.verify_for(&token, Purpose::Read) != Ok(()) {
        changes.changed().await.unwrap();
    }
    assert_eq!(world.verify(&token), Err(TokenError::Stale));
}
