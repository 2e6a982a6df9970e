//! A revocation outlives every token that it revokes, also when the setting of how long tokens live has been lowered.

use std::time::Duration;

use contract::proto::auth::SignOutRequest;

use crate::{
    introspect_token::introspect,
    watcher::{QUICK, Watcher},
    world::{Person, World},
};

const LONG: (&str, &str) = ("auth.access_ttl", "10m");
const SHORT: (&str, &str) = ("auth.access_ttl", "1m");

async fn sign_out(world: &World, person: &Person) {
    let refresh_token = person.tokens.refresh_token.clone();
    let message = SignOutRequest { refresh_token };
    world.auth.clone().sign_out(message).await.unwrap();
}

/// Signs out, and asserts that a verifier has to refuse the token for as long as it lives.
async fn assert_refused_to_the_end(world: &World, person: &Person) {
    let mut watcher = Watcher::begin(world).await;
    sign_out(world, person).await;
    let sent = watcher.revocation(&person.tokens.session_id).await;
    let token_ends = person.tokens.access_token_expire_time.unwrap().seconds;
    let kept_until = sent.expire_time.unwrap().seconds;
    assert!(kept_until >= token_ends + 5, "{kept_until} {token_ends}");
    world.advance(Duration::from_secs(156));
    assert!(world.seconds() < token_ends);
    let answer = introspect(world, &person.tokens.access_token).await;
    assert!(!answer.unwrap().active);
    // Whoever begins to watch only now gets it too.
    let mut late = Watcher::begin(world).await;
    late.next_heartbeat().await;
    let ids: Vec<_> = late.held.iter().map(|one| one.subject.as_str()).collect();
    assert_eq!(ids, [person.tokens.session_id.as_str()]);
}

#[tokio::test]
async fn a_token_from_before_the_setting_was_lowered_stays_revoked() {
    let world = World::with(&[QUICK[0], QUICK[1], LONG]).await;
    let person = world.person().await;
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[QUICK[0], QUICK[1], SHORT]).await;
    assert_refused_to_the_end(&world, &person).await;
}

#[tokio::test]
async fn a_token_of_a_replica_with_a_longer_setting_stays_revoked_by_the_other_one() {
    let world = World::with(&[QUICK[0], QUICK[1], LONG]).await;
    let short = world.replica(&[QUICK[0], QUICK[1], SHORT]).await;
    let person = world.person().await;
    assert_refused_to_the_end(&short, &person).await;
}

#[tokio::test]
async fn of_a_key_that_an_older_version_made_tokens_may_live_as_long_as_any_setting_allows() {
    let world = World::with(&[QUICK[0], QUICK[1], LONG]).await;
    let person = world.person().await;
    world
        .execute("update auth.signing_key set token_ttl = null")
        .await;
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[QUICK[0], QUICK[1], SHORT]).await;
    assert_refused_to_the_end(&world, &person).await;
}

/// The first replica with a longer setting records it before it signs.
#[tokio::test]
async fn a_longer_setting_is_recorded_before_a_token_lives_longer() {
    let world = World::with(&[QUICK[0], QUICK[1], SHORT]).await;
    let seconds = "select token_ttl::bigint from auth.signing_key";
    world.becomes(seconds, 60).await;
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[QUICK[0], QUICK[1], LONG]).await;
    world.becomes(seconds, 600).await;
    let person = world.person().await;
    assert_refused_to_the_end(&world, &person).await;
}
