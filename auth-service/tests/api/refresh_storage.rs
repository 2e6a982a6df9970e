//! `AuthService.RefreshTokens`: what single and concurrent refreshes do to the database.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::world::World;

/// Fifty concurrent refreshes of one token, with the same tag.
async fn fifty_at_once(tag: &'static [u8]) {
    let world = World::boot().await;
    let person = world.person().await;
    let world = std::sync::Arc::new(world);
    let tries: Vec<_> = (0..50)
        .map(|_| {
            let (world, token) = (
                std::sync::Arc::clone(&world),
                person.tokens.refresh_token.clone(),
            );
            tokio::spawn(async move { world.refresh(&token, tag).await })
        })
        .collect();
    let mut pairs = Vec::new();
    for attempt in tries {
        pairs.push(attempt.await.unwrap().unwrap());
    }
    pairs.dedup();
    assert_eq!(pairs.len(), 1, "all get the same pair");
    world
        .becomes("select generation from auth.session", 1)
        .await;
    world.refresh(&pairs[0].refresh_token, tag).await.unwrap();
    assert_eq!(world.audit(&person.id, 1).await, ["sign_up"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_tabs_with_one_tag_get_one_pair() {
    fifty_at_once(&[3; 32]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_tabs_without_tags_get_one_pair() {
    fifty_at_once(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_concurrent_second_parties_one_learns_of_the_reuse_and_one_event_is_recorded() {
    let world = std::sync::Arc::new(World::boot().await);
    let person = world.person().await;
    world
        .refresh(&person.tokens.refresh_token, &[3; 32])
        .await
        .unwrap();
    let tries: Vec<_> = (0..50)
        .map(|_| {
            let (world, token) = (
                std::sync::Arc::clone(&world),
                person.tokens.refresh_token.clone(),
            );
            tokio::spawn(async move {
                testing::reason(&world.refresh(&token, &[4; 32]).await.unwrap_err())
            })
        })
        .collect();
    let mut reused = 0;
    for attempt in tries {
        match attempt.await.unwrap().as_str() {
            "REFRESH_TOKEN_REUSED" => reused += 1,
            reason => assert_eq!(reason, "SESSION_REVOKED"),
        }
    }
    assert_eq!(reused, 1);
    assert_eq!(
        world.audit(&person.id, 2).await,
        ["sign_up", "refresh_reused"]
    );
}

#[tokio::test]
async fn two_hundred_refreshes_write_no_index_and_only_their_own_row() {
    let world = World::boot().await;
    let person = world.person().await;
    let mut token = person.tokens.refresh_token;
    for _ in 0..200 {
        token = world.refresh(&token, &[5; 32]).await.unwrap().refresh_token;
    }
    world.becomes("select count(*) from auth.session", 1).await;
    world
        .becomes("select count(*) from auth.audit_event", 1)
        .await;
    // A connection reports its statistics at the latest when it ends.
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    let updates = "select n_tup_upd from pg_stat_user_tables where relname = 'session'";
    world.becomes(updates, 200).await;
    let heap_only = "select (n_tup_hot_upd >= 190)::int::bigint from pg_stat_user_tables where relname = 'session'";
    world.becomes(heap_only, 1).await;
}

#[tokio::test]
async fn the_table_keeps_only_hashes_of_secret_and_tag() {
    let world = World::boot().await;
    let person = world.person().await;
    let tag = [6; 32];
    world
        .refresh(&person.tokens.refresh_token, &tag)
        .await
        .unwrap();
    let mut connection = world.connect().await;
    let (secret_hash, tag_hash): (Vec<u8>, Vec<u8>) =
        sqlx::query_as("select secret_hash, attempt_tag from auth.session")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!((secret_hash.len(), tag_hash.len()), (32, 32));
    assert_ne!(tag_hash, tag);
    let token = URL_SAFE_NO_PAD
        .decode(&person.tokens.refresh_token)
        .unwrap();
    // version, key id, session id, a generation of one byte: then the secret.
    let secret = &token[19..35];
    let digest = digest(&SHA256, secret);
    assert_eq!(digest.as_ref(), secret_hash);
}
