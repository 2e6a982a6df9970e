//! Concurrent calls: a change that must happen once happens once, and the counters stay exact.

use contract::proto::task::{CreateTaskRequest, Task};
use futures_util::future::join_all;
use testing::assert_refused;
use tonic::Code;

use crate::world::{World, titled};

const REQUEST: &str = "0190163d-8694-739b-aea5-966c26f8ad92";

#[tokio::test]
async fn twenty_concurrent_requests_with_one_id_create_one_task() {
    let world = World::new().await;
    let user = world.user();
    let calls = (0..20).map(|_| {
        user.create_task(CreateTaskRequest {
            task: Some(titled("t")),
            request_id: REQUEST.to_owned(),
            validate_only: false,
        })
    });
    let answers = join_all(calls).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.task == answers[0].task));
    assert_eq!(user.all().await.len(), 1);
}

#[tokio::test]
async fn concurrent_requests_do_not_exceed_the_quota() {
    let world = World::with(&[("QUOTA", "5")]).await;
    let user = world.user();
    let calls = (0..20).map(|_| {
        user.create_task(CreateTaskRequest {
            task: Some(titled("t")),
            ..Default::default()
        })
    });
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 5);
    assert_eq!(user.all().await.len(), 5);
}

#[tokio::test]
async fn of_twenty_concurrent_updates_with_the_same_etag_one_succeeds() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    let calls = (0..20).map(|n| {
        user.update(
            Task {
                title: n.to_string(),
                ..task.clone()
            },
            &["title"],
        )
    });
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_refused(refused, Code::Aborted, "ETAG_MISMATCH");
    }
    assert_eq!(user.get(&task.id).await.unwrap().revision, 2);
}

#[tokio::test]
async fn concurrent_updates_without_an_etag_all_succeed_in_some_order() {
    let world = World::new().await;
    let user = world.user();
    let id = user.task("t").await.id;
    let calls = (0..20).map(|n| {
        user.update(
            Task {
                id: id.clone(),
                ..titled(&n.to_string())
            },
            &["title"],
        )
    });
    let answers = join_all(calls).await;
    let mut revisions: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.unwrap().revision)
        .collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (2..=21).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_twenty_concurrent_deletes_one_succeeds() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    let calls = (0..20).map(|_| user.delete(&task.id));
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_refused(refused, Code::NotFound, "TASK_NOT_FOUND");
    }
    assert_eq!(user.get(&task.id).await.unwrap().revision, 2);
}

/// Three callers at once: each deletes, undeletes or updates the same task, without an etag. Whatever the order, each call has a
/// definite answer.
#[tokio::test]
async fn changes_without_an_etag_that_lose_a_race_are_decided_again() {
    let world = World::new().await;
    let user = world.user();
    let id = user.task("t").await.id;
    for round in 0..100 {
        let update = user.update(
            Task {
                id: id.clone(),
                ..titled(&round.to_string())
            },
            &["title"],
        );
        let (deleted, undeleted, updated) =
            tokio::join!(user.delete(&id), user.undelete(&id), update);
        for (answer, code, reason) in [
            (deleted, Code::NotFound, "TASK_NOT_FOUND"),
            (undeleted, Code::AlreadyExists, "TASK_NOT_DELETED"),
            (updated, Code::FailedPrecondition, "TASK_DELETED"),
        ] {
            if let Err(refused) = answer {
                assert_refused(&refused, code, reason);
            }
        }
    }
}
