//! `UpdateTask`

use std::time::Duration;

use contract::proto::task::{Task, TaskPriority, TaskStatus, UpdateTaskRequest};
use testing::{assert_refused, violations};
use tonic::Code;

use crate::world::{ABSENT, World, masked, since_start, titled};

const REQUEST: &str = "0190163d-8694-739b-aea5-966c26f8ad92";

fn full() -> Task {
    Task {
        description: "d".to_owned(),
        status: TaskStatus::InProgress.into(),
        priority: TaskPriority::High.into(),
        labels: vec!["l".to_owned()],
        due_time: Some(prost_types::Timestamp::default()),
        ..titled("t")
    }
}

#[tokio::test]
async fn without_a_mask_the_populated_fields_change() {
    let world = World::new().await;
    let user = world.user();
    let task = user.create(full()).await;
    world.clock.advance(Duration::from_secs(7));
    let update = Task {
        id: task.id.clone(),
        ..titled("new")
    };
    let changed = user.update(update, &[]).await.unwrap();
    assert_eq!(since_start(changed.update_time), 7);
    let expected = Task {
        title: "new".to_owned(),
        update_time: changed.update_time,
        revision: 2,
        etag: "\"r2\"".to_owned(),
        ..task
    };
    assert_eq!(changed, expected);
}

#[tokio::test]
async fn the_mask_star_replaces_every_mutable_field() {
    let world = World::new().await;
    let user = world.user();
    let task = user.create(full()).await;
    let update = Task {
        id: task.id.clone(),
        ..titled("new")
    };
    let changed = user.update(update, &["*"]).await.unwrap();
    assert_eq!((&*changed.title, &*changed.description), ("new", ""));
    assert_eq!(changed.status(), TaskStatus::Pending);
    assert_eq!(changed.priority(), TaskPriority::Normal);
    assert_eq!((changed.labels.len(), changed.due_time), (0, None));
    assert_eq!(changed.create_time, task.create_time);
}

#[tokio::test]
async fn a_named_field_without_a_value_is_cleared() {
    let world = World::new().await;
    let user = world.user();
    let task = user.create(full()).await;
    let update = Task {
        id: task.id.clone(),
        ..Default::default()
    };
    let changed = user.update(update, &["due_time", "labels"]).await.unwrap();
    assert_eq!((changed.labels.len(), changed.due_time), (0, None));
    assert_eq!(
        (changed.title, changed.description),
        (task.title, task.description)
    );
}

#[tokio::test]
async fn completing_a_task_sets_its_complete_time_and_reopening_it_clears_it() {
    let world = World::new().await;
    let user = world.user();
    let id = user.task("t").await.id;
    let to = async |status: TaskStatus| {
        world.clock.advance(Duration::from_secs(1));
        let update = Task {
            id: id.clone(),
            status: status.into(),
            ..Default::default()
        };
        user.update(update, &["status"]).await.unwrap()
    };
    assert_eq!(
        since_start(to(TaskStatus::Completed).await.complete_time),
        1
    );
    assert_eq!(
        since_start(to(TaskStatus::Completed).await.complete_time),
        1
    );
    assert_eq!(to(TaskStatus::InProgress).await.complete_time, None);
    assert_eq!(
        since_start(to(TaskStatus::Completed).await.complete_time),
        4
    );
    let renamed = user
        .update(
            Task {
                id: id.clone(),
                ..titled("u")
            },
            &["title"],
        )
        .await
        .unwrap();
    assert_eq!(since_start(renamed.complete_time), 4);
}

#[tokio::test]
async fn a_mask_of_output_only_fields_returns_the_task_unchanged() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    let update = Task {
        id: task.id.clone(),
        user_id: ABSENT.to_owned(),
        revision: 9,
        ..titled("x")
    };
    let answer = user
        .update(update, &["user_id", "revision", "create_time"])
        .await
        .unwrap();
    assert_eq!(answer, task);
}

#[tokio::test]
async fn an_unknown_path_is_refused() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    for path in ["owner", "title.x", "Title", ""] {
        let update = Task {
            id: task.id.clone(),
            ..titled("x")
        };
        let refused = user.update(update, &["title", path]).await.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(
            violations(&refused),
            [("update_mask".to_owned(), "UNKNOWN_PATH".to_owned())]
        );
    }
    assert_eq!(user.get(&task.id).await.unwrap(), task);
}

/// A task with an invalid value in each mutable field but the title.
fn invalid() -> Task {
    Task {
        status: 99,
        priority: 99,
        labels: vec!["\n".to_owned()],
        due_time: Some(prost_types::Timestamp {
            seconds: 0,
            nanos: -1,
        }),
        description: "\0".to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn only_fields_in_the_mask_are_validated() {
    let world = World::new().await;
    let user = world.user();
    let id = user.task("t").await.id;
    let title = "new".to_owned();
    let update = Task {
        id,
        title,
        ..invalid()
    };
    let changed = user.update(update, &["title"]).await.unwrap();
    assert_eq!(changed.title, "new");
}

#[tokio::test]
async fn all_violations_are_reported_together() {
    let world = World::new().await;
    let user = world.user();
    let request = UpdateTaskRequest {
        task: Some(Task {
            id: "7".to_owned(),
            etag: "7".to_owned(),
            ..invalid()
        }),
        update_mask: masked(&["*"]),
        request_id: "7".to_owned(),
    };
    let refused = user.update_task(request).await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let fields = violations(&refused).into_iter().map(|(field, _)| field);
    let expected = "request_id task.id task.description task.due_time task.labels[0] task.priority \
                    task.status task.title";
    assert_eq!(fields.collect::<Vec<_>>().join(" "), expected);
}

#[tokio::test]
async fn a_request_without_a_task_is_refused() {
    let world = World::new().await;
    let refused = world.user().update_task(UpdateTaskRequest::default()).await;
    let refused = refused.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let field = |(field, _): (String, String)| field;
    let fields: Vec<_> = violations(&refused).into_iter().map(field).collect();
    assert_eq!(fields, ["task", "task.id"]);
}

#[tokio::test]
async fn an_absent_or_purged_task_is_not_found_and_a_deleted_task_must_be_undeleted_first() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    user.delete(&task.id).await.unwrap();
    for mask in [["title"], ["user_id"]] {
        let update = |id: &str| {
            user.update(
                Task {
                    id: id.to_owned(),
                    ..titled("u")
                },
                &mask,
            )
        };
        let refused = update(ABSENT).await.unwrap_err();
        assert_refused(&refused, Code::NotFound, "TASK_NOT_FOUND");
        let refused = update(&task.id).await.unwrap_err();
        assert_refused(&refused, Code::FailedPrecondition, "TASK_DELETED");
    }
    world.clock.advance(Duration::from_hours(30 * 24));
    let refused = user
        .update(
            Task {
                id: task.id,
                ..titled("u")
            },
            &["title"],
        )
        .await
        .unwrap_err();
    assert_refused(&refused, Code::NotFound, "TASK_NOT_FOUND");
}

#[tokio::test]
async fn an_update_repeated_with_its_request_id_happens_once() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    let update = |title: &str| {
        user.update_task(UpdateTaskRequest {
            task: Some(Task {
                id: task.id.clone(),
                ..titled(title)
            }),
            update_mask: masked(&["title"]),
            request_id: REQUEST.to_owned(),
        })
    };
    let first = update("a").await.unwrap().task.unwrap();
    user.update(
        Task {
            id: task.id.clone(),
            ..titled("b")
        },
        &["title"],
    )
    .await
    .unwrap();
    assert_eq!(update("a").await.unwrap().task.unwrap(), first);
    assert_eq!(user.get(&task.id).await.unwrap().title, "b");
    let refused = update("c").await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "REQUEST_ID_REUSED");
}
