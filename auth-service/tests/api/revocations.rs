//! Whatever ends tokens writes a revocation in the same transaction, and the feed sends it.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use contract::proto::auth::{
    ChangePasswordRequest, GetAccountRequest, Revocation, RevokeOtherSessionsRequest,
    SignOutRequest, TokenPair,
};
use testing::assert_refused;
use tonic::Code;

use crate::{
    causes::{CAUSES, Scene},
    watcher::{QUICK, Watcher},
    world::{PASSWORD, World, with_tokens},
};

async fn rows(world: &World) -> i64 {
    let mut connection = world.connect().await;
    sqlx::query_scalar("select count(*) from auth.revocation")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn whatever_ends_tokens_is_sent_to_verifiers() {
    let world = World::with(&QUICK).await;
    let mut watcher = Watcher::begin(&world).await;
    for (done, cause) in CAUSES.into_iter().enumerate() {
        let scene = Scene::set(&world).await;
        scene.cause(&world, cause).await.unwrap();
        let (kind, subject, min_epoch) = scene.revocation(cause);
        let sent = watcher.revocation(subject).await;
        assert_eq!(
            (sent.kind(), sent.min_epoch),
            (kind, min_epoch),
            "{cause:?}"
        );
        assert!(!scene.is_valid(&world).await, "{cause:?}");
        assert_outlives(&sent, &scene.other);
        // There is one row for each, and nothing is sent twice.
        assert_eq!(rows(&world).await, i64::try_from(done).unwrap() + 1);
        assert_eq!(watcher.held.len(), done + 1, "{cause:?}");
    }
    watcher.next_heartbeat().await;
}

/// Asserts that a revocation is kept, in whole seconds, until its token has expired at the verifier with the greatest leeway.
#[track_caller]
fn assert_outlives(sent: &Revocation, tokens: &TokenPair) {
    let expiry = tokens.access_token_expire_time.unwrap().seconds;
    let until = sent.expire_time.unwrap();
    assert_eq!(until.nanos, 0);
    assert!(until.seconds >= expiry + 5, "{until:?} {expiry}");
    assert!(until.seconds <= expiry + 120, "{until:?} {expiry}");
}

#[tokio::test]
async fn every_other_session_is_revoked_by_its_own_id() {
    let world = World::with(&QUICK).await;
    let person = world.person().await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(world.sign_in(&person).await.session_id);
    }
    let mut watcher = Watcher::begin(&world).await;
    let request = with_tokens(&person.tokens, RevokeOtherSessionsRequest {});
    world
        .account
        .clone()
        .revoke_other_sessions(request)
        .await
        .unwrap();
    for id in others {
        watcher.revocation(&id).await;
    }
    assert_eq!(watcher.held.len(), 3);
}

#[tokio::test]
async fn a_call_that_ends_nothing_revokes_nothing() {
    let world = World::with(&QUICK).await;
    let person = world.person().await;
    for _ in 0..2 {
        let refresh_token = person.tokens.refresh_token.clone();
        let message = SignOutRequest { refresh_token };
        world.auth.clone().sign_out(message).await.unwrap();
    }
    assert_eq!(rows(&world).await, 1);
    let refused = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    let another = world.person().await;
    world
        .refresh(&another.tokens.refresh_token, &[])
        .await
        .unwrap();
    assert_eq!(rows(&world).await, 1);
}

#[tokio::test]
async fn a_revocation_that_cannot_be_written_leaves_the_tokens_valid() {
    for cause in CAUSES {
        let world = World::boot().await;
        let scene = Scene::set(&world).await;
        world
            .execute(
                "create function auth.fail() returns trigger language plpgsql as
                   $$ begin raise exception 'no'; end $$;
                 create trigger fail before insert on auth.revocation
                   for each row execute function auth.fail()",
            )
            .await;
        let refused = scene.cause(&world, cause).await.unwrap_err();
        assert_refused(&refused, Code::Internal, "INTERNAL");
        assert!(scene.is_valid(&world).await, "{cause:?}");
    }
}

#[tokio::test]
async fn a_statement_killed_half_way_leaves_neither_the_revocation_nor_its_cause() {
    for cause in CAUSES {
        let world = World::boot().await;
        let scene = Scene::set(&world).await;
        // Whatever ends tokens is recorded. The record waits here, after everything else is done.
        world
            .execute(
                "create function auth.wait() returns trigger language plpgsql as
                   $$ begin perform pg_advisory_xact_lock(1); return new; end $$;
                 create trigger wait before insert on auth.audit_event
                   for each row execute function auth.wait()",
            )
            .await;
        let mut holder = world.connect().await;
        sqlx::raw_sql("select pg_advisory_lock(1)")
            .execute(&mut holder)
            .await
            .unwrap();
        let kill = async {
            let waiting = "select count(*) from pg_stat_activity
                           where datname = current_database() and wait_event = 'advisory'";
            world.becomes(waiting, 1).await;
            world
                .execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity
                     where datname = current_database() and wait_event = 'advisory'",
                )
                .await;
        };
        let (answer, ()) = tokio::join!(scene.cause(&world, cause), kill);
        let refused = answer.unwrap_err();
        assert_refused(&refused, Code::Unavailable, "DATABASE_UNAVAILABLE");
        assert_eq!(rows(&world).await, 0, "{cause:?}");
        assert!(scene.is_valid(&world).await, "{cause:?}");
    }
}

#[tokio::test]
async fn a_new_password_revokes_every_older_token_and_the_new_pair_is_valid() {
    let world = World::with(&QUICK).await;
    let person = world.person().await;
    let message = ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: "another password for it".to_owned(),
        revoke_api_keys: false,
    };
    let request = with_tokens(&person.tokens, message);
    let answer = world.account.clone().change_password(request).await;
    let renewed = answer.unwrap().into_inner().tokens.unwrap();
    let mut watcher = Watcher::begin(&world).await;
    let sent = watcher.revocation(&person.id).await;
    let epoch = |tokens: &TokenPair| claim(tokens, "ep");
    assert!(epoch(&person.tokens) < sent.min_epoch);
    assert!(epoch(&renewed) >= sent.min_epoch);
    let request = with_tokens(&renewed, GetAccountRequest {});
    world.account.clone().get_account(request).await.unwrap();
}

/// A numeric claim of an access token.
fn claim(tokens: &TokenPair, name: &str) -> i64 {
    let claims = tokens.access_token.split('.').nth(1).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    claims[name].as_i64().unwrap()
}

#[tokio::test]
async fn expired_revocations_are_removed_from_the_feed_and_from_the_table() {
    let world = World::with(&QUICK).await;
    let person = world.person().await;
    let refresh_token = person.tokens.refresh_token.clone();
    let message = SignOutRequest { refresh_token };
    world.auth.clone().sign_out(message).await.unwrap();
    let mut watcher = Watcher::begin(&world).await;
    watcher.revocation(&person.tokens.session_id).await;
    assert_eq!(watcher.next_heartbeat().await.count, 1);
    world.advance(Duration::from_mins(10));
    while watcher.next_heartbeat().await.count != 0 {}
    let mut late = Watcher::begin(&world).await;
    late.next_heartbeat().await;
    assert_eq!(late.held, []);

    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &QUICK).await;
    world
        .becomes("select count(*) from auth.revocation", 0)
        .await;
}
