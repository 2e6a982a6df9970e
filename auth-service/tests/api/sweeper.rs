//! The sweeper, which deletes what ended long ago.

use std::{sync::Arc, time::Duration};

use auth_service::SCHEMA;
use sqlx::{Connection as _, PgConnection};
use testing::{Database, TestClock};

use crate::{
    keys::{create, key_request, revoke},
    world::{World, credentials},
};

const DAY: Duration = Duration::from_hours(24);
const EVENTS: &str = "select count(*) from auth.audit_event where account_id is not null";

#[tokio::test]
async fn a_session_is_deleted_thirty_days_after_its_absolute_deadline_and_not_before() {
    let world = World::boot().await;
    let long_over = world.person().await;
    world.advance(2 * DAY);
    let kept = world.person().await;
    world.advance(119 * DAY);
    // A service sweeps for the first time when it starts.
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    world.becomes("select count(*) from auth.session", 1).await;
    let refused = world
        .refresh(&long_over.tokens.refresh_token, &[])
        .await
        .unwrap_err();
    assert_eq!(testing::reason(&refused), "REFRESH_TOKEN_INVALID");
    let refused = world
        .refresh(&kept.tokens.refresh_token, &[])
        .await
        .unwrap_err();
    assert_eq!(testing::reason(&refused), "REFRESH_TOKEN_EXPIRED");
}

#[tokio::test]
async fn more_sessions_than_one_batch_are_all_deleted() {
    let world = World::boot().await;
    world.person().await;
    world
        .execute(
            "insert into auth.session (id, account_id, generation, secret_hash, declares_tag, device_label, user_agent,
                                       create_time, rotate_time, idle_deadline, absolute_deadline)
             select gen_random_uuid(), account_id, 0, secret_hash, false, '', '', create_time, rotate_time, idle_deadline,
                    absolute_deadline
             from auth.session, generate_series(1, 1200)",
        )
        .await;
    world
        .becomes("select count(*) from auth.session", 1201)
        .await;
    world.advance(121 * DAY);
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    world.becomes("select count(*) from auth.session", 0).await;
}

#[tokio::test]
async fn an_api_key_is_deleted_thirty_days_after_it_was_revoked_or_expired_and_not_before() {
    let world = World::boot().await;
    let person = world.person().await;
    for _ in 0..2 {
        create(&world, &person.tokens, key_request(&["tasks.read"]))
            .await
            .unwrap();
    }
    let made = create(&world, &person.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap();
    let revoked = made.api_key.unwrap().id;
    revoke(&world, &person.tokens, &revoked).await.unwrap();
    world
        .execute(
            "update auth.api_key set expire_time = create_time + interval '1 day'
             where id = (select id from auth.api_key where revoke_time is null limit 1)",
        )
        .await;
    world.advance(30 * DAY + Duration::from_secs(1));
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    world
        .becomes(
            "select count(*) from auth.api_key where revoke_time is not null",
            0,
        )
        .await;
    world.becomes("select count(*) from auth.api_key", 2).await;
    world.advance(DAY);
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    world.becomes("select count(*) from auth.api_key", 1).await;
}

#[tokio::test]
async fn counts_of_wrong_passwords_are_deleted_when_their_window_is_over() {
    let world = World::boot().await;
    for (number, minutes) in [(0, 10), (1, 0)] {
        let email = format!("nobody{number}@example.org");
        let refused = world
            .auth
            .clone()
            .sign_in(credentials(&email, "wrong"))
            .await;
        assert_eq!(
            testing::reason(&refused.unwrap_err()),
            "CREDENTIALS_INVALID"
        );
        world.advance(Duration::from_mins(minutes));
    }
    world.becomes("select count(*) from auth.throttle", 2).await;
    world.advance(Duration::from_mins(5));
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    world.becomes("select count(*) from auth.throttle", 1).await;
}

#[tokio::test]
async fn a_row_that_cannot_be_deleted_keeps_no_other_row_waiting() {
    let world = World::boot().await;
    let first = world.person().await;
    world.advance(DAY);
    let person = world.person().await;
    let made = create(&world, &person.tokens, key_request(&["tasks.read"])).await;
    let key = made.unwrap().api_key.unwrap().id;
    revoke(&world, &person.tokens, &key).await.unwrap();
    world
        .execute(
            "create function auth.refuse() returns trigger language plpgsql as $$
             begin raise exception 'this row stays'; end $$;
             do $$
             begin
               execute format('create trigger refuse before delete on auth.session
                               for each row when (old.id = %L) execute function auth.refuse()',
                              (select id from auth.session order by absolute_deadline limit 1));
             end $$",
        )
        .await;
    world.advance(150 * DAY);
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    world.becomes("select count(*) from auth.session", 1).await;
    world.becomes("select count(*) from auth.api_key", 0).await;
    let refused = world.refresh(&first.tokens.refresh_token, &[]).await;
    assert_eq!(
        testing::reason(&refused.unwrap_err()),
        "REFRESH_TOKEN_EXPIRED"
    );
}

#[tokio::test]
async fn audit_events_are_deleted_after_their_retention_and_not_before() {
    // Long before the clock of the database.
    let database = Arc::new(Database::with(&[SCHEMA]).await);
    let clock = TestClock::at("2024-01-01T00:00:00Z");
    let settings = [("auth.audit_retention", "40d")];
    let world = World::on(database, clock, &settings).await;
    let person = world.person().await;
    world.advance(39 * DAY);
    world.sign_in(&person).await;
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &settings).await;
    world.becomes(EVENTS, 2).await;
    world.advance(2 * DAY);
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &settings).await;
    world.becomes(EVENTS, 1).await;
    assert_eq!(world.audit(&person.id, 1).await, ["sign_in"]);
}

#[tokio::test]
async fn the_service_cannot_have_recent_audit_events_deleted() {
    let world = World::boot().await;
    let person = world.person().await;
    world
        .execute(
            "insert into auth.audit_event (id, time, kind, user_agent)
             values ('0190163d-8694-739b-aea5-966c26f8ad91', now() - interval '29 days', 'sign_in', '')",
        )
        .await;
    let url = world.database.url_as("tandem_auth");
    let mut service = PgConnection::connect(&url).await.unwrap();
    let last = "select auth.sweep_audit_events('ffffffff-ffff-ffff-ffff-ffffffffffff', 1000, 0)";
    sqlx::raw_sql(last).execute(&mut service).await.unwrap();
    let kept = "select count(*) from auth.audit_event where time > now() - interval '30 days'";
    world.becomes(kept, 1).await;
    drop(person);
}

#[tokio::test]
async fn expired_revocations_are_deleted_in_batches() {
    let world = World::boot().await;
    world
        .execute(
            "insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)
             select 1, gen_random_uuid()::text, 0, now(), '2026-01-01 00:10:00Z' from generate_series(1, 1200)",
        )
        .await;
    world.advance(Duration::from_mins(10));
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    world
        .becomes("select count(*) from auth.revocation", 1_200)
        .await;
    world.advance(Duration::from_mins(2));
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[]).await;
    world
        .becomes("select count(*) from auth.revocation", 0)
        .await;
}

#[tokio::test]
async fn of_the_ended_keys_of_an_account_the_newest_are_kept() {
    let world = World::boot().await;
    let person = world.person().await;
    world
        .execute(
            "insert into auth.api_key (id, account_id, secret_hash, display_name, scope, create_time, expire_time,
                                       revoke_time)
             select gen_random_uuid(), id, sha256(''), 'old', 'tasks.read', create_time - n * interval '1 s',
                    create_time + interval '1 day', create_time
             from auth.account, generate_series(1, 300) n",
        )
        .await;
    create(&world, &person.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap();
    world
        .becomes("select count(*) from auth.api_key", 101)
        .await;
    let newest = "select count(*) from auth.api_key k join auth.account a on a.id = k.account_id
                  where k.revoke_time is not null and k.create_time >= a.create_time - interval '100 s'";
    world.becomes(newest, 100).await;
}
