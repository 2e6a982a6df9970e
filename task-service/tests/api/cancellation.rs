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

/// What one caller asks for.
struct Asked<'a> {
    user: &'a User,
    id: String,
    title: String,
    request_id: String,
    deadline: Duration,
}

impl Asked<'_> {
    /// Calls the RPC that `which` stands for; whether it answered OK.
    async fn call(self, which: u64) -> bool {
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
                client.$method(user.hasty($message, deadline)).await.is_ok()
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
        match which % 8 {
            0 | 1 => ok!(create_task, create),
            2 | 3 => ok!(update_task, update),
            4 => ok!(delete_task, delete),
            5 => ok!(undelete_task, undelete),
            6 => ok!(get_task, GetTaskRequest { id }),
            _ => ok!(list_tasks, ListTasksRequest::default()),
        }
    }
}

/// One call that its caller drops after 0 to 200 ms, mostly early, or that has so short a deadline; whether it was answered
/// in time.
async fn call(user: &User, tasks: &[Task], number: u64) -> bool {
    let random = scrambled(number);
    let at = usize::try_from(random % tasks.len() as u64).unwrap();
    let patience = Duration::from_micros((random >> 20) % (100 << ((random >> 16) % 12)));
    let hasty = random & 0x100 == 0;
    let repeatable = random & 0x200 == 0;
    let request_id = uuid::Uuid::from_u64_pair(scrambled(number / 3), number / 3);
    let asked = Asked {
        user,
        id: tasks[at].id.clone(),
        title: number.to_string(),
        request_id: if repeatable {
            request_id.to_string()
        } else {
            String::new()
        },
        deadline: if hasty {
            patience
        } else {
            Duration::from_secs(5)
        },
    };
    tokio::time::timeout(patience, asked.call(random >> 10))
        .await
        .unwrap_or(false)
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

/// Counters agree with what they count, revisions are unique, and no request is without its answer.
async fn nothing_is_half_done(conn: &mut PgConnection) {
    let miscounted = "select count(*) from tasks.owner o where live_count <> \
        (select count(*) from tasks.task t where t.user_id = o.user_id and delete_time is null)";
    assert_eq!(
        number(conn, miscounted).await,
        0,
        "owners whose count is wrong"
    );
    let repeated = "select count(*) - count(distinct (user_id, revision)) from tasks.task";
    assert_eq!(number(conn, repeated).await, 0, "revisions given twice");
    let ahead = "select count(*) from tasks.task t join tasks.owner o using (user_id) where t.revision > o.revision";
    assert_eq!(
        number(conn, ahead).await,
        0,
        "revisions that were never given"
    );
    let unfinished = "select count(*) from tasks.request where answer is null";
    assert_eq!(
        number(conn, unfinished).await,
        0,
        "requests without an answer"
    );
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
    nothing_is_half_done(&mut conn).await;
    for (user, tasks) in users.iter().zip(&tasks) {
        user.get(&tasks[0].id).await.unwrap();
        user.task("after all").await;
    }
}
