//! One user's calls do not delay another's. What blocks the greedy user is a lock that the test holds, so nothing depends on time.

use std::time::Duration;

use contract::proto::task::{ListTasksRequest, ListTasksResponse, Task, UpdateTaskRequest};
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, PgConnection};
use testing::{assert_refused, retry_delay};
use tokio::task::JoinHandle;
use tonic::{Code, Status};

use crate::world::{User, World, masked, titled};

/// The world of a test has four lanes for statements by key, of which one user holds three at most, and two for scans.
const HELD: i64 = 3;

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

/// How many statements of the service wait for a lock.
async fn blocked(connection: &mut PgConnection) -> i64 {
    let sql = "select count(*) from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock'";
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

async fn until_blocked(connection: &mut PgConnection, statements: i64) {
    let reached = async {
        while blocked(connection).await != statements {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(8), reached).await;
    in_time.unwrap_or_else(|_| panic!("never {statements} blocked statements"));
}

/// Locks the row of a task, until the transaction of the connection ends.
async fn lock(world: &World, task: &Task) -> PgConnection {
    let mut connection = world.database.connect().await;
    let select = format!("select from tasks.task where id = '{}' for update", task.id);
    run(&mut connection, &format!("begin; {select}")).await;
    connection
}

/// Makes every statement that reads a task of this user wait, until the connection unlocks it.
async fn close_gate(world: &World, user: &User) -> PgConnection {
    let mut connection = world.database.connect().await;
    let sql = format!(
        "create function tasks.gate(owner uuid) returns boolean language plpgsql as $$
         begin
             if owner = '{}' then
                 perform pg_advisory_lock_shared(7);
                 perform pg_advisory_unlock_shared(7);
             end if;
             return true;
         end $$;
         alter table tasks.task enable row level security;
         create policy gate on tasks.task using (tasks.gate(user_id));
         select pg_advisory_lock(7)",
        user.id
    );
    run(&mut connection, &sql).await;
    connection
}

async fn open_gate(mut connection: PgConnection) {
    run(&mut connection, "select pg_advisory_unlock(7)").await;
}

fn search(user: &User) -> JoinHandle<Result<ListTasksResponse, Status>> {
    let request = ListTasksRequest {
        filter: "\"needle\"".to_owned(),
        ..Default::default()
    };
    list(user, request)
}

fn list(user: &User, request: ListTasksRequest) -> JoinHandle<Result<ListTasksResponse, Status>> {
    let user = user.clone();
    tokio::spawn(async move { user.list_tasks(request).await })
}

fn get(user: &User, task: &Task) -> JoinHandle<Result<Task, Status>> {
    let (user, id) = (user.clone(), task.id.clone());
    tokio::spawn(async move { user.get(&id).await })
}

/// Begins changes of one task, in parallel.
fn updates(user: &User, task: &Task, count: usize) -> Vec<JoinHandle<Result<Task, Status>>> {
    let update = || {
        let (user, task) = (user.clone(), task.clone());
        let changed = Task {
            title: "changed".to_owned(),
            etag: String::new(),
            ..task
        };
        tokio::spawn(async move { user.update(changed, &["title"]).await })
    };
    std::iter::repeat_with(update).take(count).collect()
}

/// Makes the user hold as many lanes as one user may, with changes of a task that is locked.
async fn hold_lanes(
    world: &World,
    user: &User,
    task: &Task,
) -> Vec<JoinHandle<Result<Task, Status>>> {
    let mut observer = world.database.connect().await;
    let mut held = Vec::new();
    for number in 1..=HELD {
        held.append(&mut updates(user, task, 1));
        until_blocked(&mut observer, number).await;
    }
    held
}

/// Each call of another user is answered, whatever the greedy one does.
async fn assert_served(other: &User) {
    let task = other.task("needle").await;
    other.get(&task.id).await.unwrap();
    let found = search(other).await.unwrap().unwrap();
    assert_eq!(found.tasks.len(), 1);
    other.update(task.clone(), &["title"]).await.unwrap();
    other.delete(&task.id).await.unwrap();
    other.undelete(&task.id).await.unwrap();
    assert_eq!(other.all().await.len(), 1);
}

#[tokio::test]
async fn many_searches_of_one_user_run_one_at_a_time_and_delay_nobody() {
    let world = World::new().await;
    let (greedy, other) = (world.user(), world.user());
    greedy.task("a needle").await;
    let gate = close_gate(&world, &greedy).await;
    let searches: Vec<_> = (0..16).map(|_| search(&greedy)).collect();
    let mut observer = world.database.connect().await;
    until_blocked(&mut observer, 1).await;
    assert_served(&other).await;
    assert_eq!(blocked(&mut observer).await, 1, "one search at a time");
    open_gate(gate).await;
    for search in join_all(searches).await {
        assert_eq!(search.unwrap().unwrap().tasks.len(), 1);
    }
}

#[tokio::test]
async fn everything_that_may_read_many_rows_waits_on_lanes_of_its_own() {
    let world = World::new().await;
    let greedy = world.user();
    let task = greedy.task("a needle").await;
    let gate = close_gate(&world, &greedy).await;
    let scans = [
        ("priority = HIGH", "", false, 0),
        ("", "title", false, 0),
        ("", "", true, 0),
        ("", "", false, 1),
    ];
    let scans = scans.map(|(filter, order_by, include_total_size, skip)| {
        let request = ListTasksRequest {
            filter: filter.to_owned(),
            order_by: order_by.to_owned(),
            include_total_size,
            skip,
            ..Default::default()
        };
        list(&greedy, request)
    });
    let mut observer = world.database.connect().await;
    until_blocked(&mut observer, 1).await;
    // These are by key, so they get as far as the gate although the user's scan is there.
    let get = get(&greedy, &task);
    until_blocked(&mut observer, 2).await;
    let page = list(&greedy, ListTasksRequest::default());
    until_blocked(&mut observer, 3).await;
    open_gate(gate).await;
    for scan in scans {
        scan.await.unwrap().unwrap();
    }
    get.await.unwrap().unwrap();
    page.await.unwrap().unwrap();
}

#[tokio::test]
async fn parallel_writes_of_one_user_leave_a_lane_to_others() {
    let world = World::new().await;
    let (greedy, other) = (world.user(), world.user());
    let task = greedy.task("t").await;
    let mut lock = lock(&world, &task).await;
    let updates = updates(&greedy, &task, 20);
    let mut observer = world.database.connect().await;
    until_blocked(&mut observer, HELD).await;
    assert_served(&other).await;
    assert_eq!(blocked(&mut observer).await, HELD);
    run(&mut lock, "commit").await;
    for update in join_all(updates).await {
        update.unwrap().unwrap();
    }
    assert_eq!(greedy.get(&task.id).await.unwrap().revision, 21);
}

#[tokio::test]
async fn a_user_with_a_full_share_of_the_queue_is_told_to_slow_down_and_others_are_served() {
    let world = World::with(&[("DATABASE__QUEUE_PER_PRINCIPAL", "2")]).await;
    let (greedy, other) = (world.user(), world.user());
    let task = greedy.task("t").await;
    let mut lock = lock(&world, &task).await;
    let held = hold_lanes(&world, &greedy, &task).await;
    let mut more = updates(&greedy, &task, 17);
    for _ in 0..15 {
        let (refused, _, rest) = futures_util::future::select_all(more).await;
        let refused = refused.unwrap().unwrap_err();
        assert_refused(&refused, Code::ResourceExhausted, "RATE_LIMITED");
        assert!(retry_delay(&refused) > Duration::ZERO);
        more = rest;
    }
    assert_served(&other).await;
    run(&mut lock, "commit").await;
    for update in join_all(held.into_iter().chain(more)).await {
        update.unwrap().unwrap();
    }
    assert_eq!(greedy.get(&task.id).await.unwrap().revision, 6);
}

#[tokio::test]
async fn a_user_with_too_many_searches_waiting_is_told_to_slow_down() {
    let world = World::with(&[("SCANS__QUEUE_PER_USER", "1")]).await;
    let (greedy, other) = (world.user(), world.user());
    greedy.task("a needle").await;
    let gate = close_gate(&world, &greedy).await;
    let first = search(&greedy);
    let mut observer = world.database.connect().await;
    until_blocked(&mut observer, 1).await;
    let mut more: Vec<_> = (0..5).map(|_| search(&greedy)).collect();
    for _ in 0..4 {
        let (refused, _, rest) = futures_util::future::select_all(more).await;
        let refused = refused.unwrap().unwrap_err();
        assert_refused(&refused, Code::ResourceExhausted, "RATE_LIMITED");
        more = rest;
    }
    assert_served(&other).await;
    open_gate(gate).await;
    first.await.unwrap().unwrap();
    more.remove(0).await.unwrap().unwrap();
}

#[tokio::test]
async fn calls_whose_deadline_passed_cost_neither_a_turn_nor_a_place_in_the_queue() {
    let world = World::with(&[("DATABASE__QUEUE_PER_PRINCIPAL", "10")]).await;
    let (greedy, other) = (world.user(), world.user());
    let task = greedy.task("t").await;
    let mut lock = lock(&world, &task).await;
    let held = hold_lanes(&world, &greedy, &task).await;
    let expiring = (0..10).map(|_| {
        let request = UpdateTaskRequest {
            task: Some(Task {
                id: task.id.clone(),
                ..titled("too late")
            }),
            update_mask: masked(&["title"]),
            ..Default::default()
        };
        let request = greedy.request_with_timeout(request, Duration::from_millis(300));
        let mut client = greedy.client();
        async move { client.update_task(request).await.unwrap_err() }
    });
    for expired in join_all(expiring).await {
        assert!(
            matches!(expired.code(), Code::DeadlineExceeded | Code::Cancelled),
            "{expired:?}"
        );
    }
    // The share is full of what is over, and this one finds a place.
    let last = updates(&greedy, &task, 1);
    assert_served(&other).await;
    run(&mut lock, "commit").await;
    for update in join_all(held.into_iter().chain(last)).await {
        update.unwrap().unwrap();
    }
    let now = greedy.get(&task.id).await.unwrap();
    assert_eq!((now.revision, now.title.as_str()), (5, "changed"));
}

#[tokio::test]
async fn scans_and_statements_by_key_have_timeouts_of_their_own() {
    let world = World::with(&[("SCANS__STATEMENT_TIMEOUT", "100ms")]).await;
    let greedy = world.user();
    let task = greedy.task("a needle").await;
    let gate = close_gate(&world, &greedy).await;
    let get = get(&greedy, &task);
    let mut observer = world.database.connect().await;
    until_blocked(&mut observer, 1).await;
    let refused = search(&greedy).await.unwrap().unwrap_err();
    assert_refused(&refused, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    assert_eq!(blocked(&mut observer).await, 1, "the read by key goes on");
    open_gate(gate).await;
    get.await.unwrap().unwrap();
}
