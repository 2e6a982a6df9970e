//! Joined calls answer what the same calls answer one at a time.

mod random;
mod side;

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use database::{Lanes, Principal, Settings};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use telemetry::metrics::Metrics;
use testing::{Database, OccupiedLane};
use tokio::time::Instant;

use self::{
    random::Random,
    side::{Call, Side, rows},
};
use super::*;
use crate::{
    context::share_of,
    quota::Quota,
    schema::testing_database,
    tasks::{
        commands::{DeleteTask, UndeleteTask, UpdateTask},
        domain::{Changes, Draft},
    },
};

const QUOTA: Quota = Quota {
    live: 14,
    stored: 24,
    requests: 10,
};

/// What must be among the answers.
const OUTCOMES: [&str; 8] = [
    "Task",
    "TaskNotFound",
    "TaskDeleted",
    "TaskNotDeleted",
    "EtagMismatch",
    "TaskQuotaExceeded",
    "FieldInvalid",
    "Internal",
];

/// Thousands of batches: hits, misses, foreign ids, the same row several times, revisions that are not current, full quotas, values that
/// the database refuses, an id that is there already, users without a task, and counters from an older release.
#[tokio::test]
async fn random_batches_of_many_users_answer_exactly_what_single_calls_answer() {
    let (single, joined) = (Side::new(1, 1).await, Side::new(1, 16).await);
    let mut conns = [single.connect().await, joined.connect().await];
    let mut random = Random::new(2026);
    let mut world = random::World::new(&mut random);
    let mut seen = BTreeMap::<String, usize>::new();
    for round in 0..800 {
        world.now += TimeDelta::hours(1);
        for conn in &mut conns {
            world.purge(conn).await;
            if round % 50 == 7 {
                random::World::forget_counts(conn).await;
            }
        }
        let calls = world.calls(&mut random);
        let expected = single.answers(calls.clone()).await;
        let answers = joined.answers(calls.clone()).await;
        assert_eq!(answers, expected, "round {round}: {calls:#?}");
        for answer in answers {
            let kind = answer.split([' ', ':']).next().unwrap_or_default();
            *seen.entry(kind.to_owned()).or_default() += 1;
        }
        let rows = (rows(&mut conns[0]).await, rows(&mut conns[1]).await);
        assert_eq!(rows.0, rows.1, "round {round}: {calls:#?}");
        world.learn(&mut conns[0]).await;
    }
    assert_eq!(single.joined(), (0, 0, 0));
    let (statements, calls, splits) = joined.joined();
    let enough = statements > 2_000 && calls > 4_000 && splits > 20;
    assert!(
        enough,
        "{statements} statements, {calls} calls, {splits} splits"
    );
    for kind in OUTCOMES {
        assert!(
            seen.get(kind).is_some_and(|count| *count > 5),
            "{kind}: {seen:?}"
        );
    }
}

/// Stores a task and returns its key.
async fn stored(side: &Side, owner: UserId, now: DateTime<Utc>) -> Key {
    let task = Draft::for_test("t", "").into_task(owner, now);
    let id = task.id;
    let create = Create {
        owner,
        task,
        quota: QUOTA,
    };
    side.answers(vec![Call::Create(Box::new(create))]).await;
    (owner, id)
}

fn retitled(key: Key, now: DateTime<Utc>) -> Call {
    let changes = Changes {
        title: Some(Draft::for_test("changed", "").title),
        ..Changes::default()
    };
    random::update(key, None, changes, now)
}

/// A user's row that another transaction holds delays no one else whose call would be in the same statement, wherever the row is.
#[tokio::test]
async fn a_locked_row_delays_only_the_call_that_needs_it() {
    let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    let side = Side::new(1, 16).await;
    let owners: Vec<UserId> = (0..3).map(|_| UserId::at(now)).collect();
    let mut keys = Vec::new();
    for owner in &owners {
        keys.push(stored(&side, *owner, now).await);
    }
    for table in ["task", "owner"] {
        let mut holder = side.connect().await;
        let sql = format!(
            "begin; select from tasks.{table} where user_id = '{}' for update",
            owners[1].uuid()
        );
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut holder)
            .await
            .unwrap();
        let gate = side.occupied().await;
        let mut calls: Vec<_> = keys
            .iter()
            .map(|key| retitled(*key, now).run(&side.lanes).boxed())
            .collect();
        for call in &mut calls {
            assert!(call.now_or_never().is_none());
        }
        gate.release().await;
        let locked = calls.remove(1);
        for answer in join_all(calls).await {
            assert!(answer.contains("changed"), "{answer}");
        }
        sqlx::raw_sql("rollback")
            .execute(&mut holder)
            .await
            .unwrap();
        assert!(locked.await.contains("changed"));
    }
}

/// Several lanes change tasks of the same users at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_many_lanes_revisions_are_unique_without_a_gap_and_counts_are_exact() {
    let side = Side::new(4, 16).await;
    let mut random = Random::new(7);
    let mut world = random::World::new(&mut random);
    let mut conn = side.connect().await;
    let mut revisions = Vec::new();
    for _ in 0..40 {
        world.now += TimeDelta::minutes(1);
        let calls = (0..4).flat_map(|_| world.calls(&mut random));
        let calls: Vec<Call> = calls.filter(|call| !matches!(call, Call::Get(_))).collect();
        let running = calls.into_iter().map(|call| {
            let lanes = side.lanes.clone();
            tokio::spawn(async move { call.run(&lanes).await })
        });
        let answers = join_all(running).await.into_iter().map(Result::unwrap);
        revisions.extend(answers.filter_map(|answer| owner_and_revision(&answer)));
        world.learn(&mut conn).await;
    }
    let changes = revisions.len();
    revisions.sort_unstable();
    revisions.dedup();
    assert_eq!(
        revisions.len(),
        changes,
        "every change has a revision of its own"
    );
    let wrong = "select count(*) from tasks.owner o where
        live_count <> (select count(*) from tasks.task t where t.user_id = o.user_id and delete_time is null)
        or stored_count <> (select count(*) from tasks.task t where t.user_id = o.user_id)
        or live_count > 14 or stored_count > 24";
    let wrong: i64 = sqlx::query_scalar(wrong)
        .fetch_one(&mut conn)
        .await
        .unwrap();
    let last = "select sum(revision)::bigint from tasks.owner";
    let last: i64 = sqlx::query_scalar(last).fetch_one(&mut conn).await.unwrap();
    assert_eq!((wrong, usize::try_from(last).unwrap()), (0, changes));
    assert!(side.joined().0 > 50, "{:?}", side.joined());
}

/// Of the answer to a change that was made.
fn owner_and_revision(answer: &str) -> Option<(String, String)> {
    let (task, revision) = answer.rsplit_once("revision: ")?;
    let (owner, _) = task.split_once(", id: ")?;
    Some((owner.to_owned(), revision.to_owned()))
}

#[test]
fn a_row_that_nobody_asked_for_raises_an_alarm_and_no_row_is_returned() {
    let now = DateTime::UNIX_EPOCH;
    let task = |owner| Draft::for_test("secret", "").into_task(owner, now);
    let (own, other) = (task(UserId::at(now)), task(UserId::at(now)));
    let key = (own.user_id, own.id);
    let found = Found::of(vec![own.clone()], |asked| *asked == key).unwrap();
    assert_eq!(found.0.get(&key), Some(&own));
    // Another owner's row, and another row of the same owner.
    for foreign in [
        other,
        Task {
            user_id: own.user_id,
            ..task(UserId::at(now))
        },
    ] {
        let rows = vec![own.clone(), foreign];
        let refused = Found::of(rows, |asked| *asked == key)
            .map(drop)
            .unwrap_err();
        assert!(matches!(refused, Error::ForeignRow { .. }));
        assert!(!format!("{refused:?} {refused}").contains("secret"));
    }
}
