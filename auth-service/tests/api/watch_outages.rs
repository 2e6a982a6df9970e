//! `VerifierService.WatchRevocations` during failures: no database, a server that stops.

use std::time::Duration;

use testing::assert_refused;
use tonic::Code;

use crate::{
    watcher::{QUICK, Watcher},
    world::World,
};

/// The time of several heartbeats.
const SILENCE: Duration = Duration::from_millis(600);

#[tokio::test]
async fn without_the_database_there_are_no_heartbeats_and_when_it_is_back_the_stream_continues() {
    let world = World::with(&QUICK).await;
    let mut watcher = Watcher::begin(&world).await;
    watcher.next_heartbeat().await;
    world.cut_database().await;
    // Messages that were under way still arrive.
    while !watcher.silent_for(SILENCE).await {}
    let mut newcomer = Watcher::begin(&world).await;
    while !newcomer.silent_for(SILENCE).await {}
    assert_eq!(newcomer.snapshots, 1);
    assert_eq!(newcomer.heartbeat, None, "there can be no heartbeat");

    world.restore_database().await;
    world
        .execute(
            "insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)
             values (3, 'meanwhile', 0, '2026-01-01', '2026-01-01 00:05:00Z')",
        )
        .await;
    for watcher in [&mut watcher, &mut newcomer] {
        watcher.revocation("meanwhile").await;
        assert_eq!(watcher.next_heartbeat().await.count, 1);
        assert_eq!(watcher.snapshots, 1, "it is the same history");
    }
}

#[tokio::test]
async fn a_read_that_takes_too_long_causes_no_heartbeat() {
    let world = World::with(&QUICK).await;
    let mut watcher = Watcher::begin(&world).await;
    watcher.next_heartbeat().await;
    let mut holder = world.connect().await;
    sqlx::raw_sql("begin; lock table auth.revocation in access exclusive mode")
        .execute(&mut holder)
        .await
        .unwrap();
    while !watcher.silent_for(SILENCE).await {}
    // The read under way began before this.
    world.advance(Duration::from_secs(30));
    sqlx::raw_sql("commit").execute(&mut holder).await.unwrap();
    let as_of = watcher.next_heartbeat().await.as_of.unwrap();
    assert_eq!(as_of.seconds, world.seconds());
}

#[tokio::test]
async fn a_subscriber_before_the_first_read_waits_for_the_snapshot() {
    let database = testing::Database::with_roles().await;
    let clock = testing::TestClock::at("2026-01-01T00:00:00Z");
    let world = World::starting(database.into(), clock, &QUICK).await;
    let mut watcher = Watcher::begin(&world).await;
    assert!(watcher.silent_for(SILENCE).await);
    auth_service::SCHEMA
        .migrate(&world.database.url_as("tandem_migrate"))
        .await
        .unwrap();
    watcher.next_heartbeat().await;
    while watcher.keys.is_empty() {
        watcher.next().await.unwrap();
    }
    assert_eq!((watcher.snapshots, watcher.keys.len()), (1, 1));
}

#[tokio::test]
async fn a_server_that_stops_ends_its_streams_and_does_not_wait_for_their_subscribers() {
    let world = World::with(&[("auth.server.drain", "1h")]).await;
    let mut watcher = Watcher::begin(&world).await;
    watcher.next_heartbeat().await;
    let (_stopped, end) = tokio::join!(world.stop(), watcher.end());
    assert_refused(&end, Code::Unavailable, "DRAINING");
}
