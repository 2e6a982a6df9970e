//! `GetTask`

use std::time::Duration;

use testing::{assert_refused, violations};
use tonic::Code;

use crate::world::{ABSENT, World};

#[tokio::test]
async fn a_deleted_task_can_be_read_until_it_is_purged() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    let deleted = user.delete(&task.id).await.unwrap();
    assert_eq!(user.get(&task.id).await.unwrap(), deleted);
    world
        .clock
        .advance(Duration::from_hours(30 * 24) - Duration::from_micros(1));
    assert_eq!(user.get(&task.id).await.unwrap(), deleted);
    world.clock.advance(Duration::from_micros(1));
    let refused = user.get(&task.id).await.unwrap_err();
    assert_refused(&refused, Code::NotFound, "TASK_NOT_FOUND");
}

#[tokio::test]
async fn an_absent_task_is_not_found() {
    let world = World::new().await;
    let refused = world.user().get(ABSENT).await.unwrap_err();
    assert_refused(&refused, Code::NotFound, "TASK_NOT_FOUND");
}

#[tokio::test]
async fn an_id_must_be_a_uuid() {
    let world = World::new().await;
    let user = world.user();
    for id in [
        "",
        "7",
        &ABSENT[1..],
        &ABSENT.replace('-', ""),
        &format!("{{{ABSENT}}}"),
    ] {
        let refused = user.get(id).await.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(
            violations(&refused),
            [("id".to_owned(), "NOT_A_UUID".to_owned())]
        );
    }
}
