//! `DeleteTask`

use std::time::Duration;

use contract::proto::task::{DeleteTaskRequest, Task};
use testing::{assert_refused, violations};
use tonic::{Code, Status};

use crate::world::{ABSENT, User, World, since_start};

async fn delete(user: &User, id: &str, etag: &str, allow_missing: bool) -> Result<Task, Status> {
    let request = DeleteTaskRequest {
        id: id.to_owned(),
        etag: etag.to_owned(),
        allow_missing,
    };
    Ok(user
        .delete_task(request)
        .await?
        .task
        .expect("the answer always has a task"))
}

#[tokio::test]
async fn a_deleted_task_has_a_purge_time() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    world.clock.advance(Duration::from_secs(5));
    let deleted = delete(&user, &task.id, &task.etag, false).await.unwrap();
    assert_eq!(since_start(deleted.delete_time), 5);
    assert_eq!(since_start(deleted.purge_time), 5 + 30 * 24 * 3600);
    assert_eq!(deleted.update_time, deleted.delete_time);
    assert_eq!(deleted.revision, task.revision + 1);
    assert_ne!(deleted.etag, task.etag);
    assert_eq!(deleted.title, task.title);
}

#[tokio::test]
async fn deleting_an_absent_deleted_or_purged_task_is_not_found_unless_allow_missing_is_set() {
    let world = World::new().await;
    let user = world.user();
    let deleted = user.task("deleted").await;
    user.delete(&deleted.id).await.unwrap();
    for id in [ABSENT, &deleted.id] {
        let refused = delete(&user, id, "", false).await.unwrap_err();
        assert_refused(&refused, Code::NotFound, "TASK_NOT_FOUND");
        assert_eq!(delete(&user, id, "", true).await.unwrap(), Task::default());
    }
    world.clock.advance(Duration::from_hours(30 * 24));
    let refused = delete(&user, &deleted.id, "", false).await.unwrap_err();
    assert_refused(&refused, Code::NotFound, "TASK_NOT_FOUND");
}

#[tokio::test]
async fn an_outdated_etag_is_refused_and_nothing_is_deleted() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    let changed = user
        .update(
            Task {
                title: "u".to_owned(),
                ..task.clone()
            },
            &["title"],
        )
        .await
        .unwrap();
    for allow_missing in [false, true] {
        let refused = delete(&user, &task.id, &task.etag, allow_missing)
            .await
            .unwrap_err();
        assert_refused(&refused, Code::Aborted, "ETAG_MISMATCH");
    }
    assert_eq!(user.get(&task.id).await.unwrap(), changed);
}

#[tokio::test]
async fn an_id_that_is_no_uuid_is_refused_whatever_the_etag() {
    let world = World::new().await;
    let refused = delete(&world.user(), "7", "7", false).await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let expected = [("id".to_owned(), "NOT_A_UUID".to_owned())];
    assert_eq!(violations(&refused), expected);
}
