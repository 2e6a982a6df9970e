//! Request ids that no client made: the nil UUID and the max UUID.

use contract::proto::task::{CreateTaskRequest, UpdateTaskRequest};
use testing::{assert_refused, violations};
use tonic::Code;

use crate::world::{World, titled};

const RESERVED: [&str; 3] = [
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
];

#[tokio::test]
async fn a_create_is_not_swallowed_by_a_reserved_request_id() {
    let world = World::new().await;
    let user = world.user();
    for reserved in RESERVED {
        for title in ["first", "second"] {
            let refused = user.create_task(CreateTaskRequest {
                task: Some(titled(title)),
                request_id: reserved.to_owned(),
                ..Default::default()
            });
            let refused = refused.await.unwrap_err();
            assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
            let expected = [("request_id".to_owned(), "RESERVED_UUID".to_owned())];
            assert_eq!(violations(&refused), expected);
        }
    }
    assert!(user.all().await.is_empty());
}

#[tokio::test]
async fn an_update_with_a_reserved_request_id_is_refused() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("t").await;
    for reserved in RESERVED {
        let request = UpdateTaskRequest {
            task: Some(task.clone()),
            request_id: reserved.to_owned(),
            ..Default::default()
        };
        let refused = user.update_task(request).await.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        let expected = [("request_id".to_owned(), "RESERVED_UUID".to_owned())];
        assert_eq!(violations(&refused), expected);
    }
    assert_eq!(user.get(&task.id).await.unwrap(), task);
}
