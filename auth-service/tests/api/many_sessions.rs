//! Ending all sessions of an account that has more than it can get today: it costs the same however many there are.

use contract::proto::auth::{
    ChangePasswordRequest, DeleteAccountRequest, GetAccountRequest, ListSessionsRequest,
    RevokeAccountSessionsRequest, RevokeOtherSessionsRequest, TokenPair,
};
use testing::assert_refused;
use tonic::Code;

use crate::{
    admins::{admin, disable},
    world::{PASSWORD, Person, World, with_tokens},
};

/// A limit that reading the sessions of [`crowd`] exceeds.
const QUICK: [(&str, &str); 1] = [("auth.database.statement_timeout", "1s")];

/// Gives every account 200,000 more sessions, as old as its first one. They were opened before a migration recorded an epoch.
async fn crowd(world: &World) {
    world
        .execute(
            "alter table auth.session disable trigger session_epoch;
             insert into auth.session (id, account_id, generation, secret_hash, declares_tag, device_label, user_agent,
                                       create_time, rotate_time, idle_deadline, absolute_deadline)
             select gen_random_uuid(), id, 0, sha256(''), false, '', '', a.create_time, a.create_time,
                    a.create_time + interval '14 days', a.create_time + interval '90 days'
             from auth.account a, generate_series(1, 200000)
             where a.role = 1;
             alter table auth.session enable trigger session_epoch;
             analyze auth.session",
        )
        .await;
}

async fn assert_ended(world: &World, tokens: &TokenPair) {
    let refused = world.refresh(&tokens.refresh_token, &[]).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    assert_access_refused(world, tokens).await;
}

async fn assert_access_refused(world: &World, tokens: &TokenPair) {
    let request = with_tokens(tokens, GetAccountRequest {});
    let refused = world.account.clone().get_account(request).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_REVOKED",
    );
}

/// An account with two sessions that the tests use, one of them older than all others, and very many more.
async fn crowded() -> (World, Person, TokenPair) {
    let world = World::with(&QUICK).await;
    let person = world.person().await;
    world.advance(std::time::Duration::from_secs(1));
    let other = world.sign_in(&person).await;
    world
        .execute("update auth.session set epoch = null, create_time = create_time - interval '1 h'")
        .await;
    crowd(&world).await;
    (world, person, other)
}

#[tokio::test]
async fn all_other_sessions_end_and_the_callers_goes_on_with_the_tokens_it_has() {
    let (world, person, other) = crowded().await;
    let request = with_tokens(&person.tokens, RevokeOtherSessionsRequest {});
    let answer = world.account.clone().revoke_other_sessions(request).await;
    assert_eq!(answer.unwrap().into_inner().revoked_count, 2_000);
    assert_ended(&world, &other).await;
    let request = with_tokens(&person.tokens, ListSessionsRequest {});
    let listed = world.account.clone().list_sessions(request).await.unwrap();
    assert_eq!(listed.into_inner().sessions.len(), 1);
    let next = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap();
    let request = with_tokens(&next, GetAccountRequest {});
    world.account.clone().get_account(request).await.unwrap();
    // A session that begins afterwards is as good as any, and the sign-in leaves the others alone.
    let new = world.sign_in(&person).await;
    for tokens in [new, next] {
        world.refresh(&tokens.refresh_token, &[]).await.unwrap();
    }
}

#[tokio::test]
async fn a_changed_password_ends_all_other_sessions() {
    let (world, person, other) = crowded().await;
    let message = ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: "another horse, another battery".to_owned(),
        revoke_api_keys: false,
    };
    testing::leaks::forbid(&message.new_password);
    let request = with_tokens(&person.tokens, message);
    let answer = world.account.clone().change_password(request).await;
    let renewed = answer.unwrap().into_inner().tokens.unwrap();
    assert_ended(&world, &other).await;
    assert_access_refused(&world, &person.tokens).await;
    let request = with_tokens(&renewed, GetAccountRequest {});
    world.account.clone().get_account(request).await.unwrap();
    world.refresh(&renewed.refresh_token, &[]).await.unwrap();
}

#[tokio::test]
async fn an_administrator_ends_all_sessions_and_disables_the_account() {
    let (world, person, other) = crowded().await;
    let root = admin(&world).await;
    let message = RevokeAccountSessionsRequest {
        account_id: person.id.clone(),
        revoke_api_keys: false,
    };
    let request = with_tokens(&root.tokens, message);
    world
        .admin
        .clone()
        .revoke_account_sessions(request)
        .await
        .unwrap();
    for tokens in [&person.tokens, &other] {
        assert_ended(&world, tokens).await;
    }
    world
        .execute("update auth.account set session_epoch = 0; update auth.session set revoke_time = null, revoke_reason = null")
        .await;
    disable(&world, &root.tokens, &person.id).await.unwrap();
    for tokens in [&person.tokens, &other] {
        assert_ended(&world, tokens).await;
    }
}

#[tokio::test]
async fn an_account_is_deleted_at_once_and_its_sessions_later() {
    let (world, person, other) = crowded().await;
    let message = DeleteAccountRequest {
        current_password: PASSWORD.to_owned(),
    };
    let request = with_tokens(&person.tokens, message);
    world.account.clone().delete_account(request).await.unwrap();
    for tokens in [&person.tokens, &other] {
        let refused = world.refresh(&tokens.refresh_token, &[]).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
        assert_access_refused(&world, tokens).await;
    }
    world
        .becomes("select count(*) from auth.session_sweep", 1)
        .await;
}

/// Two accounts whose sessions have all ended with one number, 1,200 of them unmarked.
async fn ended_together() -> World {
    let world = World::boot().await;
    for _ in 0..2 {
        world.person().await;
    }
    world
        .execute(
            "insert into auth.session (id, account_id, generation, secret_hash, declares_tag, device_label, user_agent,
                                       create_time, rotate_time, idle_deadline, absolute_deadline)
             select gen_random_uuid(), account_id, 0, secret_hash, false, '', '', create_time, rotate_time, idle_deadline,
                    absolute_deadline
             from auth.session, generate_series(1, 1199);
             update auth.account set epoch = 2, session_epoch = 2;
             insert into auth.session_sweep (account_id, due_time) select id, create_time from auth.account",
        )
        .await;
    world
}

#[tokio::test]
async fn sessions_that_ended_together_are_deleted_in_batches() {
    let world = ended_together().await;
    world
        .becomes("select count(*) from auth.session", 2_400)
        .await;
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    world.becomes("select count(*) from auth.session", 0).await;
    world
        .becomes("select count(*) from auth.session_sweep", 0)
        .await;
}

#[tokio::test]
async fn an_account_whose_sessions_cannot_be_deleted_stops_no_other() {
    let world = ended_together().await;
    world
        .execute(
            "create function auth.refuse() returns trigger language plpgsql as $$
             begin raise exception 'refused'; end $$;
             do $$ begin
                 execute format('create trigger refuse before delete on auth.session for each row
                                 when (old.account_id = %L) execute function auth.refuse()',
                                (select id from auth.account order by id limit 1));
             end $$",
        )
        .await;
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    world
        .becomes("select count(*) from auth.session", 1_200)
        .await;
    world
        .becomes("select count(*) from auth.session_sweep", 1)
        .await;
}

#[tokio::test]
async fn a_batch_that_cannot_be_deleted_stops_no_other() {
    let world = World::boot().await;
    for _ in 0..2 {
        world.person().await;
    }
    // The first ten cannot be deleted.
    world
        .execute(
            "insert into auth.session (id, account_id, generation, secret_hash, declares_tag, device_label, user_agent,
                                       create_time, rotate_time, idle_deadline, absolute_deadline)
             select gen_random_uuid(), account_id, 0, secret_hash, false, 'poisoned', '', create_time, rotate_time,
                    idle_deadline, absolute_deadline - interval '1 day'
             from (select * from auth.session limit 1) s, generate_series(1, 10);
             insert into auth.session (id, account_id, generation, secret_hash, declares_tag, device_label, user_agent,
                                       create_time, rotate_time, idle_deadline, absolute_deadline)
             select gen_random_uuid(), account_id, 0, secret_hash, false, 'later', '', create_time, rotate_time,
                    idle_deadline, absolute_deadline
             from (select * from auth.session where device_label = '' limit 1) s, generate_series(1, 1000);
             create function auth.refuse() returns trigger language plpgsql as $$
             begin raise exception 'refused'; end $$;
             create trigger refuse before delete on auth.session for each row when (old.device_label = 'poisoned')
             execute function auth.refuse()",
        )
        .await;
    world.advance(std::time::Duration::from_hours(130 * 24));
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    // Only the poisoned ones stay.
    world.becomes("select count(*) from auth.session", 10).await;
}
