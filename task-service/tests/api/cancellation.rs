//! Callers that go away at any moment leave nothing behind: no open transaction, no half-done write.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use shared::proto::task::{
    CreateTaskRequest, DeleteTaskRequest, GetTaskRequest, ListTasksRequest, Task,
    UndeleteTaskRequest, UpdateTaskRequest,
};
use sqlx::PgConnection;

use crate::world::{User, World, titled};

const CALLS: u64 = 10_000;
const AT_ONCE: usize = 64;

/// Numbers that look random and are the same every time (splitmix64).
fn scrambled(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One call that its caller drops after 0 to 200 ms, mostly early, or that has so short a deadline; whether it was answered
/// in time.
async fn call(user: &User, tasks: &[Task], number: u64) -> bool {
    let random = scrambled(number);
    let task = &tasks[usize::try_from(random % tasks.len() as u64).unwrap()];
    let patience = Duration::from_micros((random >> 20) % (100 << ((random >> 16) % 12)));
    let deadline = if random & 0x100 == 0 {
        patience
    } else {
        Duration::from_secs(5)
    };
    let request_id = if random & 0x200 == 0 {
        String::new()
    } else {
        uuid::Uuid::from_u64_pair(scrambled(number / 3), number / 3).to_string()
    };
    let id = task.id.clone();
    let update = Task {
        id: id.clone(),
        ..titled(&number.to_string())
    };
    let mut client = user.client();
    let work = async {
        match (random >> 10) % 8 {
            0 | 1 => {
                let message = CreateTaskRequest {
                    task: Some(titled("new")),
                    request_id,
                    validate_only: false,
                };
                client
                    .create_task(user.hasty(message, deadline))
                    .await
                    .is_ok()
            }
            2 | 3 => {
                let message = UpdateTaskRequest {
                    task: Some(update),
                    request_id,
                    update_mask: None,
                };
                client
                    .update_task(user.hasty(message, deadline))
                    .await
                    .is_ok()
            }
            4 => {
                let message = DeleteTaskRequest {
                    id,
                    ..Default::default()
                };
                client
                    .delete_task(user.hasty(message, deadline))
                    .await
                    .is_ok()
            }
            5 => {
                let message = UndeleteTaskRequest {
                    id,
                    ..Default::default()
                };
                client
                    .undelete_task(user.hasty(message, deadline))
                    .await
                    .is_ok()
            }
            6 => client
                .get_task(user.hasty(GetTaskRequest { id }, deadline))
                .await
                .is_ok(),
            _ => {
                let message = ListTasksRequest {
                    page_size: 5,
                    ..Default::default()
                };
                client
                    .list_tasks(user.hasty(message, deadline))
                    .await
                    .is_ok()
            }
        }
    };
    tokio::time::timeout(patience, work).await.unwrap_or(false)
}

async fn number(conn: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
}

/// Waits until every connection of the service is between two units of work.
async fn quiet(conn: &mut PgConnection) {
    let busy = "select count(*) from pg_stat_activity where datname = current_database() \
                and application_name = 'tandem-task' and state <> 'idle'";
    let asked = async { while number(conn, busy).await > 0 {} };
    tokio::time::timeout(Duration::from_secs(5), asked)
        .await
        .expect("no connection stays inside a transaction");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_callers_that_go_away_leave_nothing_half_done() {
    let world = World::with(&[("QUOTA", "1000000")]).await;
    let users: Vec<User> = (0..8).map(|_| world.user()).collect();
    let mut tasks = Vec::new();
    for user in &users {
        tasks.push(futures_util::future::join_all((0..10).map(|_| user.task("t"))).await);
    }
    let calls = stream::iter(0..CALLS).map(|number| {
        let at = usize::try_from(number % 8).unwrap();
        call(&users[at], &tasks[at], number)
    });
    let answered = calls
        .buffer_unordered(AT_ONCE)
        .filter(|answered| std::future::ready(*answered))
        .count()
        .await;
    assert!(
        (100..9_900).contains(&answered),
        "{answered} of {CALLS} were answered in time"
    );

    let mut conn = world.database.connect().await;
    quiet(&mut conn).await;
    let miscounted = "select count(*) from tasks.owner o where live_count <> \
        (select count(*) from tasks.task t where t.user_id = o.user_id and delete_time is null)";
    assert_eq!(
        number(&mut conn, miscounted).await,
        0,
        "owners whose count is wrong"
    );
    let repeated = "select count(*) - count(distinct (user_id, revision)) from tasks.task";
    assert_eq!(
        number(&mut conn, repeated).await,
        0,
        "revisions given twice"
    );
    let ahead = "select count(*) from tasks.task t join tasks.owner o using (user_id) where t.revision > o.revision";
    assert_eq!(
        number(&mut conn, ahead).await,
        0,
        "revisions that were never given"
    );
    let unfinished = "select count(*) from tasks.request where answer is null";
    assert_eq!(
        number(&mut conn, unfinished).await,
        0,
        "requests without an answer"
    );

    for (user, tasks) in users.iter().zip(&tasks) {
        user.get(&tasks[0].id).await.unwrap();
        user.task("after all").await;
    }
}
