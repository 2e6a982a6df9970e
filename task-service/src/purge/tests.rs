//! What one sweep removes, and what it leaves.

use std::sync::Arc;

use chrono::TimeDelta;
use clock::Clock as _;
use database::{self, Lanes};
use secrecy::SecretString;
use sqlx::Row as _;
use telemetry::metrics::Metrics;
use testing::{Database, TestClock};

use super::*;
use crate::{
    quota::Quota,
    requests::{self, Arrival, RequestKey},
    schema::testing_database,
    tasks::{domain::Draft, store as task_store},
};

const QUOTA: Quota = Quota {
    live: 10,
    stored: 20,
    requests: 10,
};

fn purge(database: &Database, clock: &TestClock) -> Purge {
    job(Rows::Expired, database, clock)
}

fn job(rows: Rows, database: &Database, clock: &TestClock) -> Purge {
    let settings = database::Settings {
        url: SecretString::from(database.url()),
        lanes: 1,
        ..Default::default()
    };
    let lanes = Lanes::start(settings).unwrap();
    let context = Context {
        scans: lanes.clone(),
        lanes,
        clock: Arc::new(clock.clone()),
    };
    let metrics = RemovalMetrics::new(&Metrics::off(), Arc::clone(&context.clock));
    Purge::new(rows, Arc::new(Notify::new()), context, metrics)
}

/// The number of tasks and of remembered requests.
async fn count_rows(conn: &mut PgConnection) -> (i64, i64) {
    let sql = "select (select count(*) from tasks.task), (select count(*) from tasks.request)";
    let row = sqlx::query(sql).fetch_one(conn).await.unwrap();
    (row.get(0), row.get(1))
}

/// Stores three deleted tasks that expire one day apart, a live task, and a remembered request.
async fn populate(conn: &mut PgConnection, owner: UserId, now: DateTime<Utc>) {
    let new_task = || Draft::for_test("t", "").into_task(owner, now);
    for days in [30, 31, 32] {
        let task = new_task();
        task_store::insert(conn, owner, &task, QUOTA).await.unwrap();
        let purge_time = now + TimeDelta::days(days);
        let deleted = task_store::delete(conn, owner, task.id, None, purge_time, now).await;
        deleted.unwrap().unwrap();
    }
    task_store::insert(conn, owner, &new_task(), QUOTA)
        .await
        .unwrap();
    let key = RequestKey {
        id: api::ids::uuid_at(now),
        fingerprint: [0; 32],
    };
    let arrival = requests::arrive(conn, owner, &key, now).await.unwrap();
    let Arrival::First(claim) = arrival else {
        panic!("it is the first: {arrival:?}")
    };
    let claimed = (&key, claim);
    let remembered = requests::remember(conn, owner, claimed, b"x", QUOTA, now).await;
    remembered.unwrap();
}

#[tokio::test]
async fn expired_rows_are_removed_and_all_others_stay() {
    let database = testing_database().await;
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let mut purge = purge(&database, &clock);
    let mut conn = database.connect().await;
    let owner = UserId::at(clock.now());
    populate(&mut conn, owner, clock.now()).await;

    let mut left = Vec::new();
    for days in [0, 1, 29, 1, 0, 1, 1, 100] {
        clock.advance(Duration::from_hours(24 * days));
        let owners = purge.sweep().await.unwrap().owners;
        left.push((owners, count_rows(&mut conn).await));
    }
    let expected = [
        (0, (4, 1)),
        (1, (4, 0)),
        (1, (3, 0)),
        (1, (2, 0)),
        (0, (2, 0)),
        (1, (1, 0)),
        (0, (1, 0)),
        (0, (1, 0)),
    ];
    assert_eq!(left, expected);
    let counts = task_store::count(&mut conn, owner).await.unwrap();
    assert_eq!((counts.live, counts.stored), (1, 1));
}

/// Stores deleted tasks of a new owner, to be purged at `purge_time`.
async fn deleted_tasks(
    conn: &mut PgConnection,
    count: i64,
    purge_time: DateTime<Utc>,
    now: DateTime<Utc>,
) -> UserId {
    let owner = UserId::at(now);
    let task = Draft::for_test("t", "").into_task(owner, now);
    task_store::insert(conn, owner, &task, QUOTA).await.unwrap();
    let deleted = task_store::delete(conn, owner, task.id, None, purge_time, now).await;
    deleted.unwrap().unwrap();
    let copies = "insert into tasks.task
                  select (t).* from (
                      select jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid())) as t
                      from tasks.task t, generate_series(2, $2) where user_id = $1
                  ) copy";
    let copies = sqlx::query(copies).bind(owner.uuid()).bind(count);
    copies.execute(conn).await.unwrap();
    owner
}

/// The number of tasks of an owner.
async fn count_tasks(conn: &mut PgConnection, owner: UserId) -> i64 {
    let count = sqlx::query_scalar("select count(*) from tasks.task where user_id = $1");
    let count = count.bind(owner.uuid()).fetch_one(conn);
    count.await.unwrap()
}

/// Lets the database refuse every removal of a task of this owner. The sequence `tasks.attempts` counts them.
async fn poison(conn: &mut PgConnection, owner: UserId) {
    let sql = format!(
        "create sequence tasks.attempts minvalue 0;
         select nextval('tasks.attempts');
         create function tasks.refuse() returns trigger language plpgsql as $$
         begin perform nextval('tasks.attempts'); raise exception 'this row stays'; end $$;
         create trigger refuse before delete on tasks.task
         for each row when (old.user_id = '{}') execute function tasks.refuse()",
        owner.uuid()
    );
    let created = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(conn);
    created.await.unwrap();
}

async fn attempts(conn: &mut PgConnection) -> i64 {
    let last = sqlx::query_scalar("select last_value from tasks.attempts");
    last.fetch_one(conn).await.unwrap()
}

#[tokio::test]
async fn an_owner_whose_rows_cannot_be_removed_keeps_no_other_owner_waiting() {
    let database = testing_database().await;
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let mut purge = purge(&database, &clock);
    let mut conn = database.connect().await;
    let now = clock.now();
    // More owners than are read at once come after the poisoned one.
    let poisoned = deleted_tasks(&mut conn, 1, now + TimeDelta::minutes(1), now).await;
    poison(&mut conn, poisoned).await;
    let mut others = Vec::new();
    for _ in 0..=MAX_OWNERS {
        others.push(deleted_tasks(&mut conn, 1, now + TimeDelta::minutes(2), now).await);
    }

    clock.advance(Duration::from_mins(3));
    let swept = purge.sweep().await.unwrap();
    assert_eq!(swept.owners, 1 + others.len());
    for owner in others {
        assert_eq!(count_tasks(&mut conn, owner).await, 0);
    }
    assert_eq!(attempts(&mut conn).await, 1);

    // It is left alone for a minute, then for two, and removed once that is possible.
    for (minutes, tried) in [(0, 1), (1, 2), (1, 2), (1, 3)] {
        clock.advance(Duration::from_mins(minutes));
        purge.sweep().await.unwrap();
        assert_eq!(attempts(&mut conn).await, tried, "after {minutes} minutes");
    }
    assert_eq!(purge.aside.count(), 1);
    let repaired = sqlx::raw_sql("drop trigger refuse on tasks.task").execute(&mut conn);
    repaired.await.unwrap();
    clock.advance(Duration::from_mins(4));
    purge.sweep().await.unwrap();
    assert_eq!(count_tasks(&mut conn, poisoned).await, 0);
    assert_eq!(purge.aside.count(), 0);
}

#[tokio::test]
async fn an_owner_with_many_rows_loses_one_batch_in_a_sweep() {
    let database = testing_database().await;
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let mut purge = purge(&database, &clock);
    let mut conn = database.connect().await;
    let now = clock.now();
    let many = deleted_tasks(&mut conn, 2 * BATCH + 1, now + TimeDelta::minutes(1), now).await;
    let few = deleted_tasks(&mut conn, 1, now + TimeDelta::minutes(2), now).await;
    clock.advance(Duration::from_mins(3));
    let mut seen = Vec::new();
    for _ in 0..4 {
        let Swept { owners, more } = purge.sweep().await.unwrap();
        let left = (
            count_tasks(&mut conn, many).await,
            count_tasks(&mut conn, few).await,
        );
        seen.push((owners, more, left));
    }
    let expected = [
        (2, true, (BATCH + 1, 0)),
        (1, true, (1, 0)),
        (1, false, (0, 0)),
        (0, false, (0, 0)),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn rows_that_another_transaction_holds_are_left_and_nobody_waits_for_them() {
    let database = testing_database().await;
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let mut purge = purge(&database, &clock);
    let mut conn = database.connect().await;
    let mut holder = database.connect().await;
    let now = clock.now();
    let at = now + TimeDelta::minutes(1);
    let held_task = deleted_tasks(&mut conn, 3, at, now).await;
    let held_owner = deleted_tasks(&mut conn, 3, at, now).await;
    let free = deleted_tasks(&mut conn, 3, at, now).await;
    let hold = format!(
        "begin; select from tasks.owner where user_id = '{}' for update;
         select from tasks.task where user_id = '{}' limit 1 for update",
        held_owner.uuid(),
        held_task.uuid(),
    );
    let locked = sqlx::raw_sql(sqlx::AssertSqlSafe(hold)).execute(&mut holder);
    locked.await.unwrap();

    clock.advance(Duration::from_mins(2));
    let mut left = Vec::new();
    for _ in 0..3 {
        let Swept { owners, more } = purge.sweep().await.unwrap();
        let mut tasks = Vec::new();
        for owner in [held_task, held_owner, free] {
            tasks.push(count_tasks(&mut conn, owner).await);
        }
        left.push((owners, more, tasks));
    }
    let expected = [
        (3, true, vec![1, 3, 0]),
        (1, false, vec![1, 3, 0]),
        (0, false, vec![1, 3, 0]),
    ];
    assert_eq!(left, expected);
    let released = sqlx::raw_sql("rollback").execute(&mut holder);
    released.await.unwrap();
    clock.advance(Duration::from_mins(1));
    purge.sweep().await.unwrap();
    assert_eq!(count_rows(&mut conn).await, (0, 0));
}
