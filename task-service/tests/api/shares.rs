//! What one user may take of the places for calls.

use contract::proto::task::CreateTaskRequest;
use futures_util::future::{join, select_all};
use testing::assert_refused;
use tonic::Code;

use crate::world::{World, titled};

/// A user may have two of them.
const PLACES: [(&str, &str); 2] = [
    ("SERVER__MAX_IN_FLIGHT", "8"),
    ("SERVER__PRINCIPAL_SHARE", "25"),
];

#[tokio::test]
async fn a_user_with_many_calls_in_flight_is_refused_and_another_user_of_the_same_address_is_not() {
    let world = World::with(&PLACES).await;
    let (greedy, other) = (world.user(), world.user());
    let mut blocker = world.database.connect().await;
    let lock = "begin; lock table tasks.task, tasks.owner in access exclusive mode";
    sqlx::raw_sql(lock).execute(&mut blocker).await.unwrap();

    let create = || {
        let user = greedy.clone();
        tokio::spawn(async move {
            user.create_task(CreateTaskRequest {
                task: Some(titled("t")),
                ..Default::default()
            })
            .await
        })
    };
    let (ended, _, waiting) = select_all([create(), create(), create()]).await;
    let refused = ended.unwrap().unwrap_err();
    assert_refused(&refused, Code::ResourceExhausted, "RATE_LIMITED");

    let release = async {
        let end = sqlx::raw_sql("commit").execute(&mut blocker);
        end.await.unwrap();
    };
    let (task, ()) = join(other.task("t"), release).await;
    assert_eq!(task.title, "t");
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
}
