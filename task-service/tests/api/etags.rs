//! Etags are opaque: one that is not the current one is a mismatch, whatever it looks like.

use contract::proto::task::{DeleteTaskRequest, Task};
use testing::assert_refused;
use tonic::Code;

use crate::world::World;

#[tokio::test]
async fn an_update_with_an_etag_of_any_other_form_is_a_mismatch_and_a_star_is_any() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    let with = |etag: &str| Task {
        etag: etag.to_owned(),
        title: "new".to_owned(),
        ..task.clone()
    };
    for mask in [&["title"][..], &["revision"]] {
        for other in ["\"v2-abcdef\"", "7", "\"\"", "W/\"r1\""] {
            let refused = user.update(with(other), mask).await.unwrap_err();
            assert_refused(&refused, Code::Aborted, "ETAG_MISMATCH");
        }
    }
    assert_eq!(
        user.update(with("*"), &["title"]).await.unwrap().title,
        "new"
    );
}

#[tokio::test]
async fn a_delete_with_an_etag_of_any_other_form_is_a_mismatch_and_a_star_is_any() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    let weak = format!("W/{}", task.etag);
    let delete = |etag: &str| {
        user.delete_task(DeleteTaskRequest {
            id: task.id.clone(),
            etag: etag.to_owned(),
            ..Default::default()
        })
    };
    for other in ["\"v2-abcdef\"", "7", "\"\"", &*weak, "\"r-1\"", "\"*\""] {
        let refused = delete(other).await.unwrap_err();
        assert_refused(&refused, Code::Aborted, "ETAG_MISMATCH");
    }
    let deleted = delete("*").await.unwrap().task.unwrap();
    assert!(deleted.delete_time.is_some());
}
