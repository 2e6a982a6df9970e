//! `VerifierService.WatchRevocations`: which messages a subscriber gets, and in which order.

use std::time::{Duration, Instant};

use contract::proto::auth::{
    SignOutRequest, WatchRevocationsRequest, verifier_service_client::VerifierServiceClient,
    watch_revocations_response::Event,
};
use sqlx::PgConnection;
use testing::{assert_refused, violations};
use tonic::{Code, transport::Channel};

use crate::{
    watcher::{QUICK, Watcher, of_service, watch},
    world::World,
};

/// Ends a new session; returns its id.
async fn revoke(world: &World) -> String {
    let person = world.person().await;
    let message = SignOutRequest {
        refresh_token: person.tokens.refresh_token,
    };
    world.auth.clone().sign_out(message).await.unwrap();
    person.tokens.session_id
}

/// Writes a revocation of a key, as another replica with another clock does.
async fn kill(connection: &mut PgConnection, kid: &str) {
    sqlx::query(
        "insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)
         values (3, $1, 0, '2025-12-31 20:00:00Z', '2026-01-01 00:05:00Z')",
    )
    .bind(kid)
    .execute(connection)
    .await
    .unwrap();
}

async fn run(connection: &mut PgConnection, statement: &'static str) {
    sqlx::raw_sql(statement).execute(connection).await.unwrap();
}

#[tokio::test]
async fn a_new_subscriber_gets_all_revocations_in_force_the_keys_and_a_heartbeat() {
    let world = World::with(&QUICK).await;
    let subject = revoke(&world).await;
    Watcher::begin(&world).await.revocation(&subject).await;

    let mut watcher = Watcher::begin(&world).await;
    let first = watcher.next().await.unwrap();
    assert!(matches!(&first, Event::Snapshot(all) if all.revocations.len() == 1));
    let second = watcher.next().await.unwrap();
    assert!(matches!(&second, Event::Keys(keys) if keys.keys.len() == 1));
    let heartbeat = watcher.next_heartbeat().await;
    assert_eq!(
        (heartbeat.count, heartbeat.head_sequence),
        (1, watcher.head())
    );
    let age = heartbeat.age.unwrap();
    assert!((age.seconds, age.nanos) > (0, 0), "the read came before");
    let published = world
        .auth
        .clone()
        .get_json_web_key_set(contract::proto::auth::GetJsonWebKeySetRequest {})
        .await;
    assert_eq!(watcher.keys, published.unwrap().into_inner().keys);
}

#[tokio::test]
async fn a_revocation_made_in_this_process_is_sent_before_the_next_poll() {
    let slow = [
        ("auth.feed.poll", "900ms"),
        ("auth.feed.heartbeat", "900ms"),
    ];
    let world = World::with(&slow).await;
    let mut watcher = Watcher::begin(&world).await;
    watcher.next_heartbeat().await;
    let mut waited = Duration::ZERO;
    for _ in 0..5 {
        let subject = revoke(&world).await;
        let made = Instant::now();
        watcher.revocation(&subject).await;
        waited += made.elapsed();
    }
    // Each begins right after a read, so the next polls would have come after 4.5 s.
    assert!(waited < Duration::from_millis(2_500), "{waited:?}");
}

#[tokio::test]
async fn every_replica_sends_the_same_and_a_subscriber_can_continue_at_any_of_them() {
    let here = World::with(&QUICK).await;
    let there = here.replica(&QUICK).await;
    let (mut at_home, mut abroad) = (Watcher::begin(&here).await, Watcher::begin(&there).await);
    for _ in 0..3 {
        let subject = revoke(&here).await;
        assert_eq!(
            abroad.revocation(&subject).await,
            at_home.revocation(&subject).await
        );
    }
    // Only the moments at which they were made differ.
    let (mut home, mut away) = (
        at_home.next_heartbeat().await,
        abroad.next_heartbeat().await,
    );
    (home.age, away.age) = (None, None);
    assert_eq!(home, away);
    assert_eq!(at_home.incarnation, abroad.incarnation);

    let mut moved = at_home.resume(&there).await;
    let subject = revoke(&here).await;
    moved.revocation(&subject).await;
    moved.next_heartbeat().await;
    assert_eq!(moved.snapshots, 0);
}

#[tokio::test]
async fn a_revocation_that_commits_after_later_ones_is_sent_however_late() {
    let world = World::with(&QUICK).await;
    let mut watcher = Watcher::begin(&world).await;
    let (mut first, mut second) = (world.connect().await, world.connect().await);
    run(&mut first, "begin").await;
    kill(&mut first, "first").await;
    for kid in ["second", "third", "fourth"] {
        kill(&mut second, kid).await;
        watcher.revocation(kid).await;
        watcher.next_heartbeat().await;
    }
    let head = watcher.head();
    run(&mut first, "commit").await;
    let late = watcher.revocation("first").await;
    assert!(late.sequence < head);
    assert_eq!(watcher.next_heartbeat().await.head_sequence, head);
}

#[tokio::test]
async fn a_subscriber_that_continues_gets_what_it_lacks_without_a_snapshot() {
    let world = World::with(&QUICK).await;
    let mut witness = Watcher::begin(&world).await;
    let (mut first, mut second) = (world.connect().await, world.connect().await);
    run(&mut first, "begin").await;
    kill(&mut first, "uncommitted").await;
    kill(&mut second, "held").await;
    let mut watcher = Watcher::begin(&world).await;
    watcher.revocation("held").await;
    // While nobody is subscribed, a revocation with a lower sequence and one with a higher one become visible.
    run(&mut first, "commit").await;
    kill(&mut second, "new").await;
    witness.revocation("new").await;
    witness.revocation("uncommitted").await;

    let mut resumed = watcher.resume(&world).await;
    let heartbeat = resumed.next_heartbeat().await;
    assert_eq!((heartbeat.count, resumed.snapshots), (3, 0));
}

#[tokio::test]
async fn a_subscriber_with_another_history_or_a_deleted_position_gets_a_snapshot() {
    let world = World::with(&QUICK).await;
    let subject = revoke(&world).await;
    let mut watcher = Watcher::begin(&world).await;
    let held = watcher.revocation(&subject).await;
    let cases = [
        (held.sequence, "another".to_owned()),
        (held.sequence, String::new()),
        (held.sequence + 1, watcher.incarnation.clone()),
        (0, watcher.incarnation.clone()),
    ];
    for (since_sequence, incarnation) in cases {
        let request = WatchRevocationsRequest {
            since_sequence,
            incarnation,
            verifier_id: "v".to_owned(),
        };
        let mut watcher = Watcher::open(world.verifier.clone(), request).await;
        watcher.next_heartbeat().await;
        assert_eq!((watcher.snapshots, watcher.held.len()), (1, 1));
    }
}

#[tokio::test]
async fn a_restored_database_is_another_history_and_everything_is_sent_again() {
    let world = World::with(&QUICK).await;
    let other = world.replica(&QUICK).await;
    let lost = revoke(&world).await;
    let (mut watcher, mut elsewhere) = (Watcher::begin(&world).await, Watcher::begin(&other).await);
    watcher.revocation(&lost).await;
    elsewhere.revocation(&lost).await;
    let before = watcher.incarnation.clone();
    // This is what restoring a dump does: the same names, but other tables.
    world
        .execute(
            "begin;
             set local role tandem_migrate;
             alter table auth.revocation rename to lost;
             create table auth.revocation (like auth.lost including all);
             drop table auth.lost;
             insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)
             values (3, 'restored', 0, '2026-01-01', '2026-01-01 00:05:00Z');
             commit",
        )
        .await;
    for watcher in [&mut watcher, &mut elsewhere] {
        watcher.revocation("restored").await;
        watcher.next_heartbeat().await;
        assert_eq!((watcher.snapshots, watcher.held.len()), (2, 1));
        assert_ne!(watcher.incarnation, before);
    }
    assert_eq!(watcher.incarnation, elsewhere.incarnation);
}

#[tokio::test]
async fn a_subscriber_that_is_too_slow_is_dropped_and_begins_again() {
    let settings = [QUICK[0], QUICK[1], ("auth.feed.buffer", "4")];
    let world = World::with(&settings).await;
    let narrow = Channel::from_shared(world.uri.clone())
        .unwrap()
        .initial_stream_window_size(256)
        .connect()
        .await
        .unwrap();
    let mut slow = Watcher::open(VerifierServiceClient::new(narrow), watch("slow")).await;
    let mut quick = Watcher::begin(&world).await;
    let mut connection = world.connect().await;
    for number in 0..40 {
        let kid = format!("{number:064}");
        kill(&mut connection, &kid).await;
        quick.revocation(&kid).await;
    }
    assert_refused(&slow.end().await, Code::ResourceExhausted, "SLOW_CONSUMER");
    assert!(slow.held.len() < 40);
    let mut again = slow.resume(&world).await;
    assert_eq!(again.next_heartbeat().await.count, 40);
}

#[tokio::test]
async fn a_large_snapshot_comes_in_parts_that_every_client_accepts() {
    let world = World::boot().await;
    world
        .execute(
            "insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)
             select 3, repeat('k', 50) || n, 0, '2026-01-01', '2026-01-01 00:05:00Z' from generate_series(1, 60000) n",
        )
        .await;
    let mut watcher = Watcher::begin(&world).await;
    while watcher.next_heartbeat().await.count != 60_000 {}
    let mut late = Watcher::begin(&world).await;
    assert_eq!(late.next_heartbeat().await.count, 60_000);
    assert_eq!((late.snapshots, late.held.len()), (1, 60_000));
}

#[tokio::test]
async fn a_request_without_a_verifier_id_or_with_a_negative_sequence_is_refused() {
    let world = World::boot().await;
    let bad = WatchRevocationsRequest {
        since_sequence: -1,
        incarnation: String::new(),
        verifier_id: String::new(),
    };
    let refused = world
        .verifier
        .clone()
        .watch_revocations(of_service(bad))
        .await
        .unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(
        violations(&refused),
        [
            ("since_sequence".to_owned(), "NEGATIVE".to_owned()),
            ("verifier_id".to_owned(), "REQUIRED".to_owned())
        ]
    );
}
