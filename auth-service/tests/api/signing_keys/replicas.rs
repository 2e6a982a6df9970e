//! Several replicas of one database.

use std::{sync::Arc, time::Duration};

use auth_service::SCHEMA;
use contract::proto::auth::GetAccountRequest;
use futures_util::future::join_all;
use testing::{Database, TestClock};

use super::{follower::Follower, kid, published, replicas_have_updated, rotate, wait_for_signing};
use crate::world::{World, with_tokens};

#[tokio::test]
async fn eight_replicas_that_start_at_once_make_one_key() {
    let database = Arc::new(Database::with(&[SCHEMA]).await);
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let few = [("auth.database.lanes", "1")];
    let start = || World::on(Arc::clone(&database), clock.clone(), &few);
    let worlds = join_all((0..8).map(|_| start())).await;
    let first = published(&worlds[0]).await;
    assert_eq!(first.len(), 1);
    for world in &worlds {
        assert_eq!(published(world).await, first);
    }
    worlds[0]
        .becomes("select count(*) from auth.signing_key", 1)
        .await;
    // All replicas verify what one of them has signed.
    let person = worlds[3].person().await;
    for world in &worlds {
        let request = with_tokens(&person.tokens, GetAccountRequest {});
        world.account.clone().get_account(request).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_waits_for_the_verifiers_of_every_replica() {
    let here = World::boot().await;
    let there = here.replica(&[]).await;
    let person = here.person().await;
    let far = Follower::silent(&there, "far").await;
    let new = rotate(&here).await;
    far.learns(&new).await;
    replicas_have_updated(&here, 2).await;
    for world in [&here, &there] {
        assert_ne!(kid(&world.sign_in(&person).await), new);
    }
    far.acknowledge().await;
    for world in [&here, &there] {
        let tokens = wait_for_signing(world, &person, &new).await;
        far.verifier
            .verify(&tokens.access_token, verifier::Purpose::Read)
            .unwrap();
    }
}

#[tokio::test]
async fn no_key_waits_for_a_replica_that_has_stopped_or_died() {
    let here = World::boot().await;
    let there = here.replica(&[]).await;
    let person = here.person().await;
    here.becomes("select count(*) from auth.signing_replica", 2)
        .await;
    there.stop().await;
    here.becomes("select count(*) from auth.signing_replica", 1)
        .await;
    // A replica that was killed leaves its row behind, and delays keys for half a minute.
    here.execute(
        "insert into auth.signing_replica (id, seen_time)
         select gen_random_uuid(), seen_time from auth.signing_replica",
    )
    .await;
    let new = rotate(&here).await;
    here.becomes(
        "select count(*) from auth.signing_replica where acknowledged is not null",
        1,
    )
    .await;
    replicas_have_updated(&here, 1).await;
    assert_ne!(kid(&here.sign_in(&person).await), new);
    here.advance(Duration::from_secs(10));
    wait_for_signing(&here, &person, &new).await;
    here.advance(Duration::from_secs(10));
    here.becomes("select count(*) from auth.signing_replica", 1)
        .await;
}
