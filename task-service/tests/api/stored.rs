//! How much one user can store: deleted tasks and remembered requests are bounded, not only live tasks.

use std::time::Duration;

use contract::proto::task::{CreateTaskRequest, CreateTaskResponse, UpdateTaskRequest};
use testing::assert_refused;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::world::{User, World, titled};

const DAY: Duration = Duration::from_hours(24);
const ROWS: &str = "select count(*) from tasks.task";

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

async fn create(user: &User, title: &str, request: u128) -> Result<CreateTaskResponse, Status> {
    user.create_task(CreateTaskRequest {
        task: Some(titled(title)),
        request_id: id(request),
        ..Default::default()
    })
    .await
}

/// What is counted, and the limit, as the refusal says.
fn counted(refused: &Status) -> (String, String) {
    let details = refused.get_error_details();
    let metadata = &details.error_info().unwrap().metadata;
    (metadata["counted"].clone(), metadata["limit"].clone())
}

fn assert_full(refused: &Status, what: &str, limit: &str) {
    assert_refused(refused, Code::ResourceExhausted, "TASK_QUOTA_EXCEEDED");
    assert_eq!(counted(refused), (what.to_owned(), limit.to_owned()));
}

async fn refused(user: &User) -> Status {
    let create = user.create_task(CreateTaskRequest {
        task: Some(titled("one more")),
        ..Default::default()
    });
    create.await.unwrap_err()
}

#[tokio::test]
async fn creating_and_deleting_again_and_again_stores_no_more_than_the_quotas() {
    let world = World::with(&[("QUOTA", "2"), ("DELETED_QUOTA", "3")]).await;
    let (user, other) = (world.user(), world.user());
    let mut tasks = Vec::new();
    for _ in 0..5 {
        let task = user.task("t").await;
        user.delete(&task.id).await.unwrap();
        tasks.push(task);
    }
    assert_full(&refused(&user).await, "stored", "5");
    let check = user.create_task(CreateTaskRequest {
        task: Some(titled("t")),
        validate_only: true,
        ..Default::default()
    });
    assert_full(&check.await.unwrap_err(), "stored", "5");
    world.becomes(ROWS, 5).await;
    other.task("another user's").await;

    // Undeleting and deleting need no more room, so they are possible; undeleting respects the quota of live tasks.
    user.undelete(&tasks[0].id).await.unwrap();
    user.undelete(&tasks[1].id).await.unwrap();
    assert_full(&user.undelete(&tasks[2].id).await.unwrap_err(), "live", "2");
    assert_full(&refused(&user).await, "live", "2");
    user.delete(&tasks[0].id).await.unwrap();
    assert_full(&refused(&user).await, "stored", "5");
}

#[tokio::test]
async fn purged_tasks_make_room_and_none_is_purged_earlier() {
    let settings = [("QUOTA", "2"), ("DELETED_QUOTA", "1")];
    let world = World::with(&settings).await;
    let user = world.user();
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let task = user.task("t").await;
        tasks.push(user.delete(&task.id).await.unwrap());
        world.clock.advance(DAY);
    }
    world.clock.advance(26 * DAY);
    assert_full(&refused(&user).await, "stored", "3");
    for task in &tasks {
        assert_eq!(user.get(&task.id).await.unwrap(), *task);
    }
    world.clock.advance(2 * DAY);
    let world = world.restart_with(&settings).await;
    world.becomes(ROWS, 1).await;
    let user = world.same(&user);
    user.task("t").await;
    user.task("t").await;
    assert_full(&refused(&user).await, "live", "2");
}

#[tokio::test]
async fn concurrent_creates_do_not_exceed_the_number_of_stored_tasks() {
    let world = World::with(&[("QUOTA", "100"), ("DELETED_QUOTA", "0")]).await;
    let user = world.user();
    let deleted = user.task("t").await;
    user.delete(&deleted.id).await.unwrap();
    let calls = (0..120u128).map(|number| {
        let user = user.clone();
        async move { create(&user, "t", 1 + number).await }
    });
    let results = futures_util::future::join_all(calls).await;
    let full = results.iter().filter_map(|result| result.as_ref().err());
    assert_eq!(full.clone().count(), 21);
    full.for_each(|refused| assert_full(refused, "stored", "100"));
    world.becomes(ROWS, 100).await;
}

/// The release before did not count, and may still run beside this one.
#[tokio::test]
async fn rows_that_were_stored_before_they_were_counted_count() {
    let settings = [
        ("QUOTA", "3"),
        ("DELETED_QUOTA", "0"),
        ("REMEMBERED_REQUESTS", "2"),
    ];
    let world = World::with(&settings).await;
    let user = world.user();
    let task = user.task("t").await;
    user.delete(&task.id).await.unwrap();
    create(&user, "t", 1).await.unwrap();
    let uncounted = "update tasks.owner set stored_count = null, request_count = null";
    world.execute(uncounted).await;
    create(&user, "t", 2).await.unwrap();
    assert_full(&refused(&user).await, "stored", "3");
    world.execute(uncounted).await;
    assert_full(&refused(&user).await, "stored", "3");
    let live = &user.all().await;
    let live = live.iter().find(|task| task.delete_time.is_none()).unwrap();
    let limited = update(&user, &live.id, 3).await.unwrap_err();
    assert_limited(&limited, "2");
}

fn assert_limited(refused: &Status, limit: &str) {
    assert_refused(refused, Code::ResourceExhausted, "RATE_LIMITED");
    assert_eq!(counted(refused), ("requests".to_owned(), limit.to_owned()));
}

async fn update(user: &User, task: &str, request: u128) -> Result<(), Status> {
    let mut task = user.get(task).await?;
    task.title = format!("{request}");
    let update = user.update_task(UpdateTaskRequest {
        task: Some(task),
        request_id: id(request),
        ..Default::default()
    });
    update.await.map(|_updated| ())
}

#[tokio::test]
async fn the_remembered_requests_of_one_user_are_bounded_and_none_is_forgotten_early() {
    let settings = [("REMEMBERED_REQUESTS", "3")];
    let world = World::with(&settings).await;
    let (user, other) = (world.user(), world.user());
    let task = create(&user, "first", 1).await.unwrap().task.unwrap();
    world.clock.advance(DAY / 2);
    update(&user, &task.id, 2).await.unwrap();
    create(&user, "third", 3).await.unwrap();

    // One more is refused, and its work is not done.
    let limited = create(&user, "fourth", 4).await.unwrap_err();
    assert_limited(&limited, "3");
    let wait = limited
        .get_error_details()
        .retry_info()
        .unwrap()
        .retry_delay;
    assert_eq!(wait, Some(DAY / 2));
    assert_limited(&update(&user, &task.id, 5).await.unwrap_err(), "3");
    let titles: Vec<_> = user
        .all()
        .await
        .into_iter()
        .map(|task| task.title)
        .collect();
    assert_eq!(titles, ["third", "2"]);

    // Repeated requests get the first result; another user and calls without an id are not affected.
    let repeated = create(&user, "first", 1).await.unwrap();
    assert!(repeated.replayed);
    assert_eq!(repeated.task.unwrap(), task);
    user.task("without an id").await;
    create(&other, "another user's", 1).await.unwrap();

    // An id that is forgotten makes room, also when it is used again before it is purged.
    world.clock.advance(DAY / 2);
    create(&user, "again", 1).await.unwrap();
    assert_limited(&create(&user, "fourth", 4).await.unwrap_err(), "3");
    world.clock.advance(DAY / 2);
    let world = world.restart_with(&settings).await;
    world.becomes("select count(*) from tasks.request", 1).await;
    let user = world.same(&user);
    create(&user, "fourth", 4).await.unwrap();
    create(&user, "fifth", 5).await.unwrap();
    assert_limited(&create(&user, "sixth", 6).await.unwrap_err(), "3");
}

#[tokio::test]
async fn concurrent_requests_are_not_remembered_beyond_the_bound() {
    let world = World::with(&[("REMEMBERED_REQUESTS", "10")]).await;
    let user = world.user();
    let calls = (0..30u128).map(|number| {
        let user = user.clone();
        async move { create(&user, "t", 1 + number).await }
    });
    let results = futures_util::future::join_all(calls).await;
    let limited = results.iter().filter_map(|result| result.as_ref().err());
    assert_eq!(limited.clone().count(), 20);
    limited.for_each(|refused| assert_limited(refused, "10"));
    world
        .becomes("select count(*) from tasks.request", 10)
        .await;
    world.becomes(ROWS, 10).await;
}
