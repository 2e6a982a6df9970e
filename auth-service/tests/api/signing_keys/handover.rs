//! When a new key signs: not before the verifiers have acknowledged it, unless they take too long.

use std::{sync::Arc, time::Duration};

use auth_service::cli::keys::KeysCommand;

use super::{
    follower::Follower, keys, kid, listed, replicas_have_updated, rotate, wait_for_signing,
};
use crate::{settings::config, world::World};

#[tokio::test]
async fn a_new_key_signs_when_every_connected_verifier_has_acknowledged_it() {
    let world = World::boot().await;
    let person = world.person().await;
    let old = kid(&person.tokens);
    let (one, two) = (
        Follower::silent(&world, "one").await,
        Follower::silent(&world, "two").await,
    );
    let new = rotate(&world).await;
    one.learns(&new).await;
    two.learns(&new).await;
    one.acknowledge().await;
    replicas_have_updated(&world, 1).await;
    assert_eq!(kid(&world.sign_in(&person).await), old);
    let states = [(new.clone(), "NEXT".to_owned()), (old, "ACTIVE".to_owned())];
    assert_eq!(listed(&world).await, states);

    two.acknowledge().await;
    let tokens = wait_for_signing(&world, &person, &new).await;
    for follower in [&one, &two] {
        follower
            .verifier
            .verify(&tokens.access_token, verifier::Purpose::Read)
            .unwrap();
    }
}

#[tokio::test]
async fn a_verifier_that_disconnects_delays_no_key() {
    let world = World::boot().await;
    let person = world.person().await;
    let silent = Follower::silent(&world, "silent").await;
    let new = rotate(&world).await;
    silent.learns(&new).await;
    replicas_have_updated(&world, 1).await;
    assert_ne!(kid(&world.sign_in(&person).await), new);
    drop(silent);
    wait_for_signing(&world, &person, &new).await;
}

#[tokio::test]
async fn a_verifier_that_never_acknowledges_delays_a_new_key_until_the_deadline() {
    let world = World::boot().await;
    let person = world.person().await;
    let silent = Follower::silent(&world, "silent").await;
    let new = rotate(&world).await;
    silent.learns(&new).await;
    world
        .becomes(
            "select count(*) from auth.signing_key where activate_time is null and publish_time is not null",
            1,
        )
        .await;
    // 59.999999 s in all; the steps of the replicas take 20 s of it.
    world.advance(Duration::from_micros(39_999_999));
    replicas_have_updated(&world, 1).await;
    assert_ne!(kid(&world.sign_in(&person).await), new);
    world.advance(Duration::from_micros(1));
    wait_for_signing(&world, &person, &new).await;
}

#[tokio::test]
async fn a_rotation_while_another_key_is_next_makes_no_key() {
    let world = World::boot().await;
    let _silent = Follower::silent(&world, "silent").await;
    let first = rotate(&world).await;
    assert_eq!(rotate(&world).await, first);
    assert_eq!(listed(&world).await.len(), 2);
    world
        .becomes(
            "select count(*) from auth.audit_event
             where kind = 'signing_key_rotated' and account_id is null and actor = 'cli'",
            1,
        )
        .await;
}

#[tokio::test]
async fn a_key_made_while_no_replica_runs_signs_when_one_does() {
    let world = World::boot().await;
    let person = world.person().await;
    let (database, clock) = world.stop().await;
    let config = config(database.url(), &[]);
    let output = KeysCommand::Rotate
        .run(config, Arc::new(clock.clone()))
        .await;
    let new = output.unwrap().split(' ').next().unwrap().to_owned();
    let world = World::on(database, clock, &[]).await;
    wait_for_signing(&world, &person, &new).await;
    assert!(
        keys(&world, KeysCommand::List)
            .await
            .unwrap()
            .contains("2026-01-01T00:00:00Z")
    );
}
