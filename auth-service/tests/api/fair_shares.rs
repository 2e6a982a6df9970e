//! One account's calls do not delay another's. What blocks the greedy one is a lock that the test holds.

use std::time::Duration;

use contract::proto::auth::{Account, GetAccountRequest, UpdateAccountRequest};
use futures_util::future::{join_all, select_all};
use sqlx::{AssertSqlSafe, PgConnection};
use testing::{assert_refused, retry_delay};
use tokio::task::JoinHandle;
use tonic::{Code, Status};

use crate::world::{Person, World, with_tokens};

/// Of four lanes, one account holds two at most.
const HELD: i64 = 2;

/// Locks the row of an account until the transaction of the connection ends.
async fn lock(world: &World, person: &Person) -> PgConnection {
    let mut connection = world.connect().await;
    let id = &person.id;
    let sql = format!("begin; select from auth.account where id = '{id}' for update");
    let locked = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection);
    locked.await.unwrap();
    connection
}

/// Begins changes of an account, in parallel.
fn updates(world: &World, person: &Person, count: usize) -> Vec<JoinHandle<Result<(), Status>>> {
    let update = || {
        let account = Account {
            display_name: "changed".to_owned(),
            ..Account::default()
        };
        let message = UpdateAccountRequest {
            account: Some(account),
            ..UpdateAccountRequest::default()
        };
        let request = with_tokens(&person.tokens, message);
        let mut client = world.account.clone();
        tokio::spawn(async move { client.update_account(request).await.map(drop) })
    };
    std::iter::repeat_with(update).take(count).collect()
}

async fn until_blocked(world: &World, statements: i64) {
    world
        .becomes(
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'",
            statements,
        )
        .await;
}

/// Calls of somebody else are answered: with a token, with a refresh token, and with a password.
async fn assert_served(world: &World, other: &Person) {
    let request = with_tokens(&other.tokens, GetAccountRequest {});
    world.account.clone().get_account(request).await.unwrap();
    let token = &other.tokens.refresh_token;
    world.refresh(token, &[1; 16]).await.unwrap();
    world.sign_in(other).await;
}

#[tokio::test]
async fn parallel_calls_of_one_account_leave_lanes_to_others() {
    let world = World::boot().await;
    let (greedy, other) = (world.person().await, world.person().await);
    let mut lock = lock(&world, &greedy).await;
    let updates = updates(&world, &greedy, 20);
    until_blocked(&world, HELD).await;
    assert_served(&world, &other).await;
    until_blocked(&world, HELD).await;
    sqlx::raw_sql("commit").execute(&mut lock).await.unwrap();
    for update in join_all(updates).await {
        update.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_account_with_a_full_share_of_the_queue_is_told_to_slow_down() {
    let world = World::with(&[("auth.database.queue_per_principal", "1")]).await;
    let (greedy, other) = (world.person().await, world.person().await);
    let mut lock = lock(&world, &greedy).await;
    let mut held = Vec::new();
    for number in 1..=HELD {
        held.append(&mut updates(&world, &greedy, 1));
        until_blocked(&world, number).await;
    }
    let mut more = updates(&world, &greedy, 5);
    for _ in 0..4 {
        let (refused, _, rest) = select_all(more).await;
        let refused = refused.unwrap().unwrap_err();
        assert_refused(&refused, Code::ResourceExhausted, "RATE_LIMITED");
        assert!(retry_delay(&refused) > Duration::ZERO);
        more = rest;
    }
    assert_served(&world, &other).await;
    sqlx::raw_sql("commit").execute(&mut lock).await.unwrap();
    for update in join_all(held.into_iter().chain(more)).await {
        update.unwrap().unwrap();
    }
}
