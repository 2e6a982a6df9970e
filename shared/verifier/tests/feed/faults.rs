//! Feeds that lie, lag, fall silent, break off or refuse.

use std::time::Duration;

use api::time::timestamp;
use chrono::TimeDelta;
use contract::{
    proto::auth::{RevocationDelta, RevocationHeartbeat, watch_revocations_response::Event},
    refusal::{Reason, refuse_plainly},
};
use tokio::time::Instant;
use verifier::{Purpose, TokenError};

use crate::{
    script::Watch,
    world::{LONG, World},
};

const SOON: Duration = Duration::from_millis(400);

/// What a fault must lead to: everything is asked for anew, and what was held goes on being held.
async fn begins_anew(world: &mut World) -> Watch {
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
async fn a_heartbeat_that_counts_or_sums_otherwise_makes_the_verifier_begin_anew() {
    let mut world = World::new();
    let mut watch = world.told(&[world.session(1, 1)]).await;
    let beat = |count, digest: &[u8]| {
        Event::Heartbeat(RevocationHeartbeat {
            head_sequence: 1,
            count,
            digest: digest.to_vec(),
            as_of: Some(timestamp(world.now())),
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
    let lies = [
        beat(2, &true_digest),
        beat(-1, &true_digest),
        beat(1, &wrong_digest),
        beat(1, &true_digest[..15]),
        beat(1, &[]),
        undated,
    ];
    for lie in lies {
        watch.say(lie);
        watch = begins_anew(&mut world).await;
        watch.snapshot(&[world.session(1, 1)]);
        watch.heartbeat(world.now());
    }
}

#[tokio::test]
async fn an_entry_that_was_published_and_never_told_is_found_out() {
    let mut world = World::new();
    let mut watch = world.told(&[world.session(1, 1)]).await;
    let lost = world.token(2);
    watch.keep(&[world.session(2, 2)]);
    watch.delta(&[world.session(3, 3)]);
    assert_eq!(world.verify(&lost), Ok(()));
    watch.heartbeat(world.now());
    let mut anew = begins_anew(&mut world).await;
    anew.snapshot(&[
        world.session(1, 1),
        world.session(2, 2),
        world.session(3, 3),
    ]);
    anew.heartbeat(world.now());
    world.until(&lost, Err(TokenError::Revoked)).await;
}

#[tokio::test]
async fn a_feed_whose_proofs_keep_failing_is_stale_however_much_it_tells() {
    let mut world = World::bounded(SOON, SOON);
    let first = world.told(&[world.session(1, 1)]).await;
    drop(first);
    let token = world.token(2);
    while world.verify(&token) != Err(TokenError::Stale) {
        let mut watch = world.watch().await;
        watch.snapshot(&[world.session(1, 1)]);
        watch.keep(&[world.session(2, 2)]);
        watch.heartbeat(world.now());
    }
    assert!(!*world.ready.borrow());
}

#[tokio::test]
async fn another_incarnation_without_a_snapshot_makes_the_verifier_begin_anew() {
    let mut world = World::new();
    let mut watch = world.told(&[world.session(1, 1)]).await;
    for round in 0..2 {
        "second".clone_into(&mut watch.incarnation);
        if round == 0 {
            watch.heartbeat(world.now());
        } else {
            watch.delta(&[]);
        }
        watch = begins_anew(&mut world).await;
        watch.snapshot(&[world.session(1, 1)]);
        watch.heartbeat(world.now());
    }
}

#[tokio::test]
async fn a_feed_that_begins_without_the_snapshot_asked_for_is_left() {
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
async fn a_revocation_that_cannot_be_read_is_not_passed_over() {
    let mut world = World::new();
    let watch = world.told(&[world.session(1, 1)]).await;
    let mut unknown = contract::proto::auth::Revocation::from(world.session(2, 2));
    unknown.kind = 9;
    watch.say(Event::Delta(RevocationDelta {
        revocations: vec![unknown],
    }));
    begins_anew(&mut world).await;
}

#[tokio::test]
async fn a_refusal_is_tried_again_and_takes_nothing_away() {
    let mut world = World::new();
    let watch = world.told(&[world.session(1, 1)]).await;
    watch.fail(refuse_plainly(Reason::Draining));
    for _ in 0..3 {
        let watch = world.watch().await;
        assert_eq!(watch.request.since_sequence, 1);
        assert_eq!(world.verify(&world.token(1)), Err(TokenError::Revoked));
        assert_eq!(world.verify(&world.token(2)), Ok(()));
        watch.fail(refuse_plainly(Reason::TokenInvalid));
    }
}

#[tokio::test]
async fn a_feed_that_falls_silent_is_left_after_two_seconds_for_another_connection() {
    let mut world = World::bounded(LONG, Duration::from_secs(1));
    let watch = world.told(&[]).await;
    let began = Instant::now();
    let token = world.token(1);
    world.until_ready(false).await;
    let resumed = world.watch().await;
    assert!(began.elapsed() > Duration::from_millis(1900));
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_ne!(
        resumed.peer, watch.peer,
        "the old connection may be a dead one"
    );
    assert_eq!(world.verify(&token), Err(TokenError::Stale));
    assert_eq!(world.verify_for(&token, Purpose::Read), Ok(()));
    resumed.heartbeat(world.now());
    world.until_ready(true).await;
    assert_eq!(world.verify(&token), Ok(()));
    assert_eq!(world.verifier.staleness(), None);
}

#[tokio::test]
async fn what_comes_late_is_not_taken_for_fresh() {
    let mut world = World::bounded(LONG, SOON);
    let watch = world.told(&[]).await;
    let (token, start) = (world.token(1), world.now());
    // Heartbeats keep coming, but each was made within the first millisecond.
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
    // What was lost in the queue has been caught up with.
    watch.heartbeat(start);
    world.until_ready(true).await;
    assert_eq!(world.verify(&token), Ok(()));
}

#[tokio::test]
async fn a_feed_that_stays_late_is_left_and_resumed() {
    let mut world = World::new();
    let watch = world.told(&[world.session(3, 3)]).await;
    let start = world.now();
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let resumed = loop {
        tokio::select! {
            _ = ticks.tick() => watch.heartbeat_of(start),
            resumed = world.script.watches.recv() => break resumed.unwrap(),
        }
    };
    assert_eq!(resumed.request.since_sequence, 3);
}
