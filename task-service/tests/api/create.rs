//! `CreateTask`

use std::time::Duration;

use clock::Clock as _;
use contract::proto::{
    task as proto,
    task::{CreateTaskRequest, CreateTaskResponse},
};
use testing::{assert_refused, violations};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::world::{ABSENT, User, World, since_start, titled};

const REQUEST: &str = "0190163d-8694-739b-aea5-966c26f8ad92";

async fn create(
    user: &User,
    task: proto::Task,
    request_id: &str,
) -> Result<CreateTaskResponse, Status> {
    let request = CreateTaskRequest {
        task: Some(task),
        request_id: request_id.to_owned(),
        validate_only: false,
    };
    user.create_task(request).await
}

#[tokio::test]
async fn a_new_task_has_default_values_and_belongs_to_its_creator() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("Buy milk").await;
    assert_eq!(task.title, "Buy milk");
    assert_eq!(task.user_id, user.id.to_string());
    assert_eq!(task.status(), proto::TaskStatus::Pending);
    assert_eq!(task.priority(), proto::TaskPriority::Normal);
    assert_eq!(since_start(task.create_time), 0);
    assert_eq!(task.update_time, task.create_time);
    assert_eq!((task.complete_time, task.due_time), (None, None));
    assert_eq!((task.delete_time, task.purge_time), (None, None));
    assert_eq!((task.revision, &*task.etag), (1, "\"r1\""));
    assert_eq!(user.get(&task.id).await.unwrap(), task);
}

#[tokio::test]
async fn the_id_holds_the_time_of_creation() {
    let world = World::new().await;
    world.clock.advance(Duration::from_micros(1_234_567));
    let task = world.user().task("t").await;
    let id = uuid::Uuid::parse_str(&task.id).unwrap();
    let millis = id.as_u128() >> 80;
    assert_eq!(
        millis,
        u128::try_from(world.clock.now().timestamp_millis()).unwrap()
    );
    assert_eq!(task.create_time.unwrap().nanos, 234_000_000);
}

#[tokio::test]
async fn every_field_that_a_caller_can_set_is_stored() {
    let world = World::new().await;
    let user = world.user();
    let due = prost_types::Timestamp {
        seconds: 4_102_444_800,
        nanos: 123_456_789,
    };
    let task = user
        .create(proto::Task {
            title: "Cafe\u{301}".to_owned(),
            description: "one\n\ttwo".to_owned(),
            status: proto::TaskStatus::Completed.into(),
            priority: proto::TaskPriority::High.into(),
            labels: ["home", "b", "home"].map(str::to_owned).to_vec(),
            due_time: Some(due),
            ..Default::default()
        })
        .await;
    assert_eq!(task.title, "Café", "text is stored in NFC");
    assert_eq!(task.description, "one\n\ttwo");
    assert_eq!(task.status(), proto::TaskStatus::Completed);
    assert_eq!(task.complete_time, task.create_time);
    assert_eq!(task.priority(), proto::TaskPriority::High);
    assert_eq!(task.labels, ["b", "home"]);
    assert_eq!(task.due_time.unwrap().nanos, 123_456_000);
    assert_eq!(user.get(&task.id).await.unwrap(), task);
}

#[tokio::test]
async fn output_only_fields_are_ignored() {
    let world = World::new().await;
    let (user, other) = (world.user(), world.user());
    let task = user
        .create(proto::Task {
            id: ABSENT.to_owned(),
            user_id: other.id.to_string(),
            etag: "\"r9\"".to_owned(),
            revision: 9,
            delete_time: Some(prost_types::Timestamp::default()),
            ..titled("t")
        })
        .await;
    assert_ne!(task.id, ABSENT);
    assert_eq!(
        (task.user_id, task.revision, task.delete_time),
        (user.id.to_string(), 1, None)
    );
    assert!(other.all().await.is_empty());
}

#[tokio::test]
async fn all_violations_are_reported_together() {
    let world = World::new().await;
    let task = proto::Task {
        title: String::new(),
        description: "x".repeat(2001),
        status: 99,
        priority: -1,
        labels: vec![String::new(), "ok".to_owned(), "x".repeat(51)],
        due_time: Some(prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        }),
        ..Default::default()
    };
    let refused = create(&world.user(), task, "7").await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let expected = [
        ("request_id", "NOT_A_UUID"),
        ("task.title", "REQUIRED"),
        ("task.description", "TOO_LONG"),
        ("task.status", "UNKNOWN_VALUE"),
        ("task.due_time", "NOT_A_TIME"),
        ("task.priority", "UNKNOWN_VALUE"),
        ("task.labels[0]", "REQUIRED"),
        ("task.labels[2]", "TOO_LONG"),
    ];
    assert_eq!(
        violations(&refused),
        expected.map(|(f, r)| (f.to_owned(), r.to_owned()))
    );
}

#[tokio::test]
async fn a_request_without_a_task_or_with_control_characters_in_its_title_is_refused() {
    let world = World::new().await;
    let user = world.user();
    let refused = user
        .create_task(CreateTaskRequest::default())
        .await
        .unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&refused)[0].0, "task");
    for title in ["a\nb", "a\0b", "\u{85}"] {
        let refused = create(&user, titled(title), "").await.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(
            violations(&refused),
            [("task.title".to_owned(), "CONTROL_CHARACTER".to_owned())]
        );
    }
}

#[tokio::test]
async fn a_repeated_request_id_gives_the_first_result_for_24_hours() {
    let world = World::new().await;
    let user = world.user();
    let first = create(&user, titled("t"), REQUEST).await.unwrap();
    assert!(!first.replayed);
    let task = first.task.unwrap();
    user.update(
        proto::Task {
            id: task.id.clone(),
            ..titled("changed")
        },
        &["title"],
    )
    .await
    .unwrap();

    world.clock.advance(Duration::from_hours(23));
    let again = create(&user, titled("t"), REQUEST).await.unwrap();
    assert!(again.replayed);
    assert_eq!(
        again.task.unwrap(),
        task,
        "the first result, not the current task"
    );
    assert_eq!(user.all().await.len(), 1);

    world.clock.advance(Duration::from_hours(1));
    let later = create(&user, titled("t"), REQUEST).await.unwrap();
    assert!(!later.replayed);
    assert_ne!(later.task.unwrap().id, task.id);
}

#[tokio::test]
async fn a_request_id_used_with_another_request_is_refused_and_nothing_is_written() {
    let world = World::new().await;
    let user = world.user();
    create(&user, titled("one"), REQUEST).await.unwrap();
    let refused = create(&user, titled("two"), REQUEST).await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "REQUEST_ID_REUSED");
    assert_eq!(violations(&refused)[0].0, "request_id");
    assert_eq!(user.all().await.len(), 1);
}

#[tokio::test]
async fn a_request_that_failed_is_not_remembered() {
    let world = World::with(&[("QUOTA", "1")]).await;
    let user = world.user();
    let full = user.task("full").await;
    let refused = create(&user, titled("t"), REQUEST).await.unwrap_err();
    assert_refused(&refused, Code::ResourceExhausted, "TASK_QUOTA_EXCEEDED");
    user.delete(&full.id).await.unwrap();
    let created = create(&user, titled("t"), REQUEST).await.unwrap();
    assert!(!created.replayed);
}

#[tokio::test]
async fn validate_only_checks_and_writes_nothing() {
    let world = World::with(&[("QUOTA", "1")]).await;
    let user = world.user();
    let check = |title: &str| {
        user.create_task(CreateTaskRequest {
            task: Some(titled(title)),
            request_id: REQUEST.to_owned(),
            validate_only: true,
        })
    };
    let task = check("t").await.unwrap().task.unwrap();
    assert_eq!(
        (&*task.title, task.status()),
        ("t", proto::TaskStatus::Pending)
    );
    assert_eq!((&*task.id, &*task.etag, task.revision), ("", "", 0));
    assert!(user.all().await.is_empty());
    let refused = check("").await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    user.task("full").await;
    let refused = check("t").await.unwrap_err();
    assert_refused(&refused, Code::ResourceExhausted, "TASK_QUOTA_EXCEEDED");
}

#[tokio::test]
async fn the_quota_counts_the_live_tasks_of_one_user_and_the_refusal_contains_it() {
    let world = World::with(&[("QUOTA", "2")]).await;
    let (user, other) = (world.user(), world.user());
    let first = user.task("1").await;
    user.task("2").await;
    let refused = create(&user, titled("3"), "").await.unwrap_err();
    assert_refused(&refused, Code::ResourceExhausted, "TASK_QUOTA_EXCEEDED");
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["limit"], "2");
    other.task("another user's").await;
    user.delete(&first.id).await.unwrap();
    user.task("3").await;
}
