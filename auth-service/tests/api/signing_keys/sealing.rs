//! Private keys at rest, and the keys that seal them.

use std::{future::pending, sync::Arc, time::Duration};

use auth_service::{App, cli::keys::KeysCommand};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serving::process::Instruments;
use testing::{Database, TestClock};
use tokio::{net::TcpListener, time::timeout};

use super::{kid, kill, replicas_have_updated, wait_for_published, wait_for_signing};
use crate::{
    settings::{config, key},
    world::World,
};

const KEKS: &str = "auth.key_encryption_keys";
const TIMEOUT: Duration = Duration::from_secs(20);

fn ring(keys: &[(u8, usize)]) -> String {
    let item = |(id, factor): &(u8, usize)| format!("{id}:{}", STANDARD.encode(key(*factor)));
    keys.iter().map(item).collect::<Vec<_>>().join(",")
}

/// Makes a new key with the command line, configured with these key-encryption keys; its id.
async fn rotate_with(world: &World, keks: &str) -> String {
    let config = config(world.database.url(), &[(KEKS, keks)]);
    let clock = Arc::new(world.clock.clone());
    let output = KeysCommand::Rotate.run(config, clock).await.unwrap();
    output.split(' ').next().unwrap().to_owned()
}

/// Why the service does not start on this database.
async fn start_error(database: &Database, keks: &str) -> String {
    let config = config(database.url(), &[(KEKS, keks)]);
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let app = App::new(config, Instruments::off(Arc::new(clock))).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let served = timeout(TIMEOUT, app.serve(listener, pending())).await;
    served.unwrap().unwrap_err().to_string()
}

#[tokio::test]
async fn the_service_does_not_start_with_the_wrong_key_encryption_key_and_names_the_one_it_needs() {
    let world = World::boot().await;
    let signs = kid(&world.person().await.tokens);
    let (database, clock) = world.stop().await;
    assert_eq!(
        start_error(&database, &ring(&[(2, 7)])).await,
        format!(
            "the signing key {signs} is sealed with the key-encryption key 1, which auth.key_encryption_keys does not have"
        )
    );
    let forged = format!(
        "the signing key {signs} cannot be opened: the key-encryption key 1 of auth.key_encryption_keys is not the one that \
         sealed it, or its row was changed"
    );
    assert_eq!(start_error(&database, &ring(&[(1, 8)])).await, forged);
    // Nothing was made or changed.
    let world = World::on(database, clock, &[]).await;
    wait_for_published(&world, &[&signs]).await;
}

#[tokio::test]
async fn the_service_does_not_start_on_a_row_that_was_changed() {
    for change in [
        "update auth.signing_key set sealed_private_key = set_byte(sealed_private_key, 20, get_byte(sealed_private_key, 20) # 1)",
        "update auth.signing_key set public_key = set_byte(public_key, 0, get_byte(public_key, 0) # 1)",
        "update auth.signing_key set kid = 'another'",
    ] {
        let world = World::boot().await;
        world.execute(change).await;
        let (database, _clock) = world.stop().await;
        let error = start_error(&database, &ring(&[(1, 7)])).await;
        assert!(error.contains("or its row was changed"), "{error}");
    }
}

#[tokio::test]
async fn the_database_has_no_private_key_in_plain_text() {
    let world = World::boot().await;
    let signer = world.signer().await;
    let kid = kid(&world.person().await.tokens);
    assert_eq!(signer.public_key().kid, kid);
    world
        .becomes(
            "select octet_length(sealed_private_key)::bigint from auth.signing_key",
            60,
        )
        .await;
}

#[tokio::test]
async fn a_key_encryption_key_is_not_needed_after_a_rotation_has_replaced_it() {
    let world = World::boot().await;
    let person = world.person().await;
    let old = kid(&person.tokens);
    let (database, clock) = world.stop().await;
    let both = ring(&[(2, 9), (1, 7)]);
    let world = World::on(database, clock, &[(KEKS, &both)]).await;
    assert_eq!(kid(&world.sign_in(&person).await), old);
    let new = rotate_with(&world, &both).await;
    wait_for_signing(&world, &person, &new).await;
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[(KEKS, &ring(&[(2, 9)]))]).await;
    assert_eq!(kid(&world.sign_in(&person).await), new);
    wait_for_published(&world, &[&new, &old]).await;
}

#[tokio::test]
async fn a_replica_that_could_not_sign_with_a_new_key_delays_it() {
    let able = World::boot().await;
    let person = able.person().await;
    let lacking = able.replica(&[]).await;
    // The key is sealed with a key-encryption key that neither replica has. The deadline activates it, and they stop signing.
    let dead = rotate_with(&able, &ring(&[(3, 9)])).await;
    replicas_have_updated(&able, 2).await;
    for world in [&able, &lacking] {
        assert_eq!(kid(&world.sign_in(&person).await), kid(&person.tokens));
    }
    able.advance(Duration::from_mins(1));
    able.becomes(
        "select count(*) from auth.signing_key where activate_time is not null and key_encryption_key = 3",
        1,
    )
    .await;
    for world in [&able, &lacking] {
        world.becomes_unready().await;
    }
    // An operator can correct this without a restart.
    kill(&able, &dead).await.unwrap();
    for world in [&able, &lacking] {
        world.becomes_ready().await;
    }
    let tokens = able.sign_in(&person).await;
    assert_ne!(kid(&tokens), dead);
    wait_for_signing(&lacking, &person, &kid(&tokens)).await;
}
