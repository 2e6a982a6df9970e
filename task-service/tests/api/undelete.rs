//! `UndeleteTask`

use std::time::Duration;

use contract::proto::task::UndeleteTaskRequest;
use testing::{assert_refused, violations};
use tonic::Code;

use crate::world::{ABSENT, World};

#[tokio::test]
async fn an_undeleted_task_is_live_again() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    user.delete(&task.id).await.unwrap();
    world.clock.advance(Duration::from_secs(9));
    let live = user.undelete(&task.id).await.unwrap();
    assert_eq!(
        (live.delete_time, live.purge_time, live.revision),
        (None, None, 3)
    );
    assert_eq!(user.get(&task.id).await.unwrap(), live);
    user.delete(&task.id).await.unwrap();
}

#[tokio::test]
async fn undeleting_a_live_task_is_refused_because_it_already_exists() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    let refused = user.undelete(&task.id).await.unwrap_err();
    assert_refused(&refused, Code::AlreadyExists, "TASK_NOT_DELETED");
}

#[tokio::test]
async fn an_absent_or_purged_task_is_not_found() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    user.delete(&task.id).await.unwrap();
    world.clock.advance(Duration::from_hours(30 * 24));
    for id in [ABSENT, &task.id] {
        let refused = user.undelete(id).await.unwrap_err();
        assert_refused(&refused, Code::NotFound, "TASK_NOT_FOUND");
    }
}

#[tokio::test]
async fn an_etag_must_be_the_one_of_the_deleted_task() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    let deleted = user.delete(&task.id).await.unwrap();
    let undelete = |etag: &str| {
        user.undelete_task(UndeleteTaskRequest {
            id: task.id.clone(),
            etag: etag.to_owned(),
        })
    };
    for other in [
        &*task.etag,
        "\"v2-abcdef\"",
        "7",
        &format!("W/{}", deleted.etag),
    ] {
        let refused = undelete(other).await.unwrap_err();
        assert_refused(&refused, Code::Aborted, "ETAG_MISMATCH");
    }
    undelete(&deleted.etag).await.unwrap();
    user.delete(&task.id).await.unwrap();
    undelete("*").await.unwrap();
}

#[tokio::test]
async fn undeleting_a_task_when_the_quota_is_full_is_refused() {
    let world = World::with(&[("QUOTA", "1")]).await;
    let user = world.user();
    let task = user.task("t").await;
    user.delete(&task.id).await.unwrap();
    user.task("instead").await;
    let refused = user.undelete(&task.id).await.unwrap_err();
    assert_refused(&refused, Code::ResourceExhausted, "TASK_QUOTA_EXCEEDED");
    assert!(user.get(&task.id).await.unwrap().delete_time.is_some());
}

#[tokio::test]
async fn an_id_that_is_no_uuid_is_refused_whatever_the_etag() {
    let world = World::new().await;
    let request = UndeleteTaskRequest {
        id: "7".to_owned(),
        etag: "7".to_owned(),
    };
    let refused = world.user().undelete_task(request).await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let expected = [("id".to_owned(), "NOT_A_UUID".to_owned())];
    assert_eq!(violations(&refused), expected);
}
