//! An account has a bounded number of sessions, whatever its owner does.

use std::time::Duration;

use contract::proto::auth::{ListSessionsRequest, SignOutRequest, TokenPair};
use testing::assert_refused;
use tonic::Code;

use crate::world::{Person, World, with_tokens};

const THREE: [(&str, &str); 1] = [("auth.max_sessions", "3")];

async fn listed(world: &World, tokens: &TokenPair) -> usize {
    let request = with_tokens(tokens, ListSessionsRequest {});
    let listed = world.account.clone().list_sessions(request).await.unwrap();
    listed.into_inner().sessions.len()
}

async fn sign_in_later(world: &World, person: &Person) -> TokenPair {
    world.advance(Duration::from_secs(1));
    world.sign_in(person).await
}

#[tokio::test]
async fn when_there_is_one_session_too_many_the_oldest_ends_and_it_is_recorded() {
    let world = World::with(&THREE).await;
    let (person, somebody_else) = (world.person().await, world.person().await);
    let second = sign_in_later(&world, &person).await;
    let third = sign_in_later(&world, &person).await;
    assert_eq!(listed(&world, &person.tokens).await, 3);
    let fourth = sign_in_later(&world, &person).await;
    assert_eq!(listed(&world, &fourth).await, 3);
    let first = &person.tokens;
    let refused = world.refresh(&first.refresh_token, &[]).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    let request = with_tokens(first, ListSessionsRequest {});
    let refused = world.account.clone().list_sessions(request).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_REVOKED",
    );
    for kept in [second, third, fourth, somebody_else.tokens] {
        world.refresh(&kept.refresh_token, &[]).await.unwrap();
    }
    let mut events = world.audit(&person.id, 5).await;
    events.sort();
    assert_eq!(
        events,
        [
            "session_displaced",
            "sign_in",
            "sign_in",
            "sign_in",
            "sign_up"
        ]
    );
    let revoked =
        "select count(*) from auth.revocation r join auth.session s on s.id::text = r.subject
                   where s.revoke_reason = 7 and r.kind = 1";
    world.becomes(revoked, 1).await;
}

#[tokio::test]
async fn sessions_that_begin_at_once_do_not_pass_the_limit() {
    let world = World::with(&THREE).await;
    let person = world.person().await;
    let sign_ins = (0..8).map(|_| world.sign_in(&person));
    let pairs = futures_util::future::join_all(sign_ins).await;
    let live = "select count(*) from auth.session where revoke_time is null";
    world.becomes(live, 3).await;
    let mut good = 0;
    for pair in pairs {
        good += usize::from(world.refresh(&pair.refresh_token, &[]).await.is_ok());
    }
    assert!((2..=3).contains(&good), "{good}");
}

#[tokio::test]
async fn a_lower_limit_holds_from_the_next_sign_in() {
    let world = World::boot().await;
    let person = world.person().await;
    for _ in 0..5 {
        sign_in_later(&world, &person).await;
    }
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &THREE).await;
    let newest = sign_in_later(&world, &person).await;
    assert_eq!(listed(&world, &newest).await, 3);
}

#[tokio::test]
async fn of_ended_sessions_only_the_newest_are_kept_and_a_session_in_use_is_not_displaced_by_them()
{
    let world = World::with(&THREE).await;
    let person = world.person().await;
    world
        .execute(
            "insert into auth.session (id, account_id, generation, secret_hash, declares_tag, device_label, user_agent,
                                       create_time, rotate_time, idle_deadline, absolute_deadline, revoke_time,
                                       revoke_reason)
             select gen_random_uuid(), account_id, 0, secret_hash, false, '', '', create_time + interval '1 s',
                    rotate_time, idle_deadline, absolute_deadline, create_time, 1
             from auth.session, generate_series(1, 600)",
        )
        .await;
    world.advance(Duration::from_mins(1));
    let newest = sign_in_later(&world, &person).await;
    world
        .becomes("select count(*) from auth.session", 502)
        .await;
    for _ in 0..2 {
        let tokens = sign_in_later(&world, &person).await;
        let request = SignOutRequest {
            refresh_token: tokens.refresh_token,
        };
        world.auth.clone().sign_out(request).await.unwrap();
    }
    world
        .becomes("select count(*) from auth.session", 503)
        .await;
    for kept in [newest, person.tokens] {
        world.refresh(&kept.refresh_token, &[]).await.unwrap();
    }
}

/// The previous release neither fills the column nor raises `session_epoch`.
#[tokio::test]
async fn a_session_that_the_previous_release_opens_is_of_the_accounts_epoch() {
    let world = World::boot().await;
    let person = world.person().await;
    world
        .execute(
            "update auth.account set epoch = 7, session_epoch = 5;
             insert into auth.session (id, account_id, generation, secret_hash, declares_tag, device_label, user_agent,
                                       create_time, rotate_time, idle_deadline, absolute_deadline)
             select gen_random_uuid(), account_id, 0, secret_hash, false, '', '', create_time, rotate_time, idle_deadline,
                    absolute_deadline
             from auth.session",
        )
        .await;
    world
        .becomes("select max(epoch) from auth.session", 7)
        .await;
    let refused = world.refresh(&person.tokens.refresh_token, &[]).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "SESSION_REVOKED",
    );
}
