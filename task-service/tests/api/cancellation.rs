//! A call that its caller cancels at any moment leaves no open transaction and no partial write.

use std::time::Duration;

use contract::proto::task::{
    CreateTaskRequest, DeleteTaskRequest, GetTaskRequest, ListTasksRequest, Task,
    UndeleteTaskRequest, UpdateTaskRequest,
};
use futures_util::{StreamExt as _, stream};
use sqlx::PgConnection;

use crate::world::{User, World, titled};

const CALLS: u64 = 10_000;
const CONCURRENT_CALLS: usize = 64;
/// One call of so many waits for its answer, so that some are answered on a busy machine too.
const PATIENT_CALLS: u64 = 20;
/// How long it waits.
const LONG_TIMEOUT: Duration = Duration::from_secs(10);

/// Pseudo-random numbers, the same in every run (splitmix64).
fn pseudo_random(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One call.
struct Call<'a> {
    user: &'a User,
    id: String,
    title: String,
    request_id: String,
    deadline: Duration,
}

impl Call<'_> {
    /// Calls the RPC with the number `rpc`; returns whether the answer is OK.
    async fn send(self, rpc: u64) -> bool {
        let Self {
            user,
            id,
            title,
            request_id,
            deadline,
        } = self;
        let mut client = user.client();
        macro_rules! ok {
            ($method:ident, $message:expr) => {
                client
                    .$method(user.request_with_timeout($message, deadline))
                    .await
                    .is_ok()
            };
        }
        let title = titled(&title);
        let task = Some(Task {
            id: id.clone(),
            ..title
        });
        let mut create = CreateTaskRequest::default();
        let mut update = UpdateTaskRequest::default();
        (create.task, create.request_id) = (task.clone(), request_id.clone());
        (update.task, update.request_id) = (task, request_id);
        let mut delete = DeleteTaskRequest::default();
        delete.id.clone_from(&id);
        let mut undelete = UndeleteTaskRequest::default();
        undelete.id.clone_from(&id);
        match rpc % 8 {
            0 | 1 => ok!(create_task, create),
            2 | 3 => ok!(update_task, update),
            4 => ok!(delete_task, delete),
            5 => ok!(undelete_task, undelete),
            6 => ok!(get_task, GetTaskRequest { id }),
            _ => ok!(list_tasks, ListTasksRequest::default()),
        }
    }
}

/// Makes one call. Most of them the caller cancels after 0 to 200 ms, or they have such a deadline; short times are more frequent.
/// Returns whether it was answered OK in time.
async fn call(user: &User, tasks: &[Task], number: u64) -> bool {
    let random = pseudo_random(number);
    let at = usize::try_from(random % tasks.len() as u64).unwrap();
    let timeout = if number.is_multiple_of(PATIENT_CALLS) {
        LONG_TIMEOUT
    } else {
        Duration::from_micros((random >> 20) % (100 << ((random >> 16) % 12)))
    };
    let has_deadline = random & 0x100 == 0;
    let has_request_id = random & 0x200 == 0;
    let request_id = uuid::Uuid::from_u64_pair(pseudo_random(number / 3), number / 3);
    let call = Call {
        user,
        id: tasks[at].id.clone(),
        title: number.to_string(),
        request_id: if has_request_id {
            request_id.to_string()
        } else {
            String::new()
        },
        deadline: if has_deadline { timeout } else { LONG_TIMEOUT },
    };
    tokio::time::timeout(timeout, call.send(random >> 10))
        .await
        .unwrap_or(false)
}

async fn query_number(conn: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
}

/// Waits until no connection of the service runs a statement or is in a transaction.
async fn until_idle(conn: &mut PgConnection) {
    let busy = "select count(*) from pg_stat_activity where datname = current_database() \
                and application_name = 'tandem-task' and state <> 'idle'";
    let idle = async { while query_number(conn, busy).await > 0 {} };
    tokio::time::timeout(Duration::from_secs(5), idle)
        .await
        .expect("no connection stays inside a transaction");
}

/// Asserts that counters are exact, revisions are unique, and every remembered request has its answer.
async fn assert_consistent(conn: &mut PgConnection) {
    let miscounted = "select count(*) from tasks.owner o where live_count <> \
        (select count(*) from tasks.task t where t.user_id = o.user_id and delete_time is null) \
        or stored_count <> (select count(*) from tasks.task t where t.user_id = o.user_id) \
        or request_count <> (select count(*) from tasks.request r where r.user_id = o.user_id)";
    assert_eq!(
        query_number(conn, miscounted).await,
        0,
        "owners with a wrong count"
    );
    let repeated = "select count(*) - count(distinct (user_id, revision)) from tasks.task";
    assert_eq!(
        query_number(conn, repeated).await,
        0,
        "revisions that are not unique"
    );
    let ahead = "select count(*) from tasks.task t join tasks.owner o using (user_id) where t.revision > o.revision";
    assert_eq!(
        query_number(conn, ahead).await,
        0,
        "revisions above the owner's"
    );
    let unfinished = "select count(*) from tasks.request where answer is null";
    assert_eq!(
        query_number(conn, unfinished).await,
        0,
        "requests without an answer"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_cancelled_calls_leave_no_partial_write() {
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
        .buffer_unordered(CONCURRENT_CALLS)
        .filter(|answered| std::future::ready(*answered))
        .count()
        .await;
    assert!(
        (100..9_900).contains(&answered),
        "{answered} of {CALLS} were answered in time"
    );

    let mut conn = world.database.connect().await;
    until_idle(&mut conn).await;
    assert_consistent(&mut conn).await;
    for (user, tasks) in users.iter().zip(&tasks) {
        user.get(&tasks[0].id).await.unwrap();
        user.task("afterwards").await;
    }
}
