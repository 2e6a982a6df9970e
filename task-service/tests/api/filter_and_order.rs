//! `ListTasks`: filters and orders.

use std::time::Duration;

use contract::proto::task::{ListTasksRequest, Task, TaskPriority, TaskStatus};

use testing::assert_refused;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{User, World, titled};

const MILK: &str = "Buy milk";
const SHIP: &str = "ship it";
const RUN: &str = "Milk run";

const FILTERS: [(&str, &[&str]); 36] = [
    ("status = COMPLETED", &[SHIP]),
    ("status != TASK_STATUS_COMPLETED", &[RUN, MILK]),
    ("priority >= NORMAL", &[RUN, MILK]),
    ("due_time < \"1970-01-01T00:03:00Z\"", &[SHIP]),
    ("due_time != \"1970-01-01T00:01:40Z\"", &[RUN, MILK]),
    ("create_time > \"2026-01-01T00:00:00Z\"", &[RUN, SHIP]),
    ("update_time <= \"2026-01-01T00:00:00Z\"", &[MILK]),
    ("labels:\"work\" AND status = COMPLETED", &[SHIP]),
    ("\"MILK\"", &[RUN, MILK]),
    ("\"100%\"", &[]),
    // Alternatives bind more tightly than conjunctions, as in AIP-160.
    ("status = PENDING OR status = COMPLETED", &[SHIP, MILK]),
    (
        "labels:\"home\" OR labels:\"work\" AND status = COMPLETED",
        &[SHIP],
    ),
    (
        "labels:\"home\" OR (labels:\"work\" AND status = COMPLETED)",
        &[SHIP, MILK],
    ),
    ("NOT status = COMPLETED", &[RUN, MILK]),
    ("-\"milk\"", &[SHIP]),
    ("-labels:\"work\"", &[MILK]),
    ("NOT (status = COMPLETED OR \"buy\")", &[RUN]),
    ("-(-(labels:\" work \"))", &[RUN, SHIP]),
    // A comparison with a time that is not set is false, so its negation is true.
    ("due_time:*", &[SHIP, MILK]),
    ("-due_time:*", &[RUN]),
    ("NOT due_time < \"1970-01-01T00:03:00Z\"", &[RUN, MILK]),
    ("NOT due_time != \"1970-01-01T00:01:40Z\"", &[SHIP]),
    ("complete_time:*", &[SHIP]),
    ("complete_time = \"2026-01-01T00:00:01Z\"", &[SHIP]),
    ("complete_time > \"2026-01-01T00:00:01Z\"", &[]),
    (
        "NOT complete_time > \"2026-01-01T00:00:01Z\"",
        &[RUN, SHIP, MILK],
    ),
    (
        "create_time:* AND update_time:* AND labels:*",
        &[RUN, SHIP, MILK],
    ),
    // Finer than a microsecond: after 00:01:40, so neither equal to it nor before it.
    ("due_time = \"1970-01-01T00:01:40.0000005Z\"", &[]),
    (
        "due_time != \"1970-01-01T00:01:40.0000005Z\"",
        &[RUN, SHIP, MILK],
    ),
    ("due_time < \"1970-01-01T00:01:40.0000005Z\"", &[SHIP]),
    (
        "due_time <= \"1970-01-01T00:01:40.00000000000001Z\"",
        &[SHIP],
    ),
    ("due_time > \"1970-01-01T00:01:40.0000005Z\"", &[MILK]),
    ("due_time >= \"1970-01-01T00:01:40.0000005Z\"", &[MILK]),
    (
        "due_time >= \"1970-01-01T00:01:40.000000000Z\"",
        &[SHIP, MILK],
    ),
    // The leap second after 2025 would be the first second of 2026.
    ("create_time <= \"2025-12-31T23:59:60Z\"", &[MILK]),
    (
        "update_time > \"9999-12-31T23:59:59Z\" OR update_time < \"0001-01-01T00:00:00Z\"",
        &[],
    ),
];

/// Filters that are refused, with the position that the refusal names.
const REFUSED: [(&str, &str); 10] = [
    ("\"a\0b\"", "at character 1:"),
    ("labels:\"a\0b\"", "at character 8:"),
    ("due_time = \"2026-01-15T12:00:60Z\"", "at character 12:"),
    ("due_time = \"2026-01-15T23:59:60Z\"", "at character 12:"),
    ("due_time = \"0000-01-01T00:00:00Z\"", "at character 12:"),
    (
        "due_time > \"9999-12-31T23:59:59-00:01\"",
        "at character 12:",
    ),
    ("(status = PENDING", "at character 18:"),
    ("status = PENDING OR", "at character 20:"),
    ("((((((((( labels:* )))))))))", "at character 9:"),
    ("\"a\" OR \"b\" OR \"c\" OR \"d\"", "at character 22:"),
];

const ORDERS: [(&str, [&str; 3]); 7] = [
    ("create_time", [MILK, SHIP, RUN]),
    ("create_time desc", [RUN, SHIP, MILK]),
    ("update_time", [MILK, SHIP, RUN]),
    ("due_time", [SHIP, MILK, RUN]),
    ("due_time desc", [RUN, MILK, SHIP]),
    ("priority desc, title", [MILK, RUN, SHIP]),
    ("title", [MILK, RUN, SHIP]),
];

/// A user with three tasks, created one second apart.
pub(crate) async fn user_with_three_tasks(world: &World) -> User {
    let user = world.user();
    let due = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let (pending, completed) = (TaskStatus::Pending, TaskStatus::Completed);
    let tasks = [
        (MILK, pending, TaskPriority::High, due(200), "home"),
        (SHIP, completed, TaskPriority::Low, due(100), "work"),
        (
            RUN,
            TaskStatus::InProgress,
            TaskPriority::Normal,
            None,
            "work",
        ),
    ];
    for (title, status, priority, due_time, label) in tasks {
        user.create(Task {
            status: status.into(),
            priority: priority.into(),
            due_time,
            labels: vec![label.to_owned()],
            ..titled(title)
        })
        .await;
        world.clock.advance(Duration::from_secs(1));
    }
    user
}

#[tokio::test]
async fn a_filter_selects_tasks_and_the_total_size_counts_them() {
    let world = World::new().await;
    let user = user_with_three_tasks(&world).await;
    for (filter, expected) in FILTERS {
        let request = ListTasksRequest {
            filter: filter.to_owned(),
            include_total_size: true,
            ..Default::default()
        };
        let page = user.list_tasks(request).await.unwrap();
        let titles: Vec<_> = page.tasks.iter().map(|task| &*task.title).collect();
        assert_eq!(titles, expected, "{filter}");
        assert_eq!(
            page.total_size,
            i32::try_from(expected.len()).ok(),
            "{filter}"
        );
    }
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_refused_with_its_position() {
    let world = World::new().await;
    let user = world.user();
    let many = vec!["labels:*"; 21].join(" AND ");
    for (filter, position) in REFUSED.into_iter().chain([(&*many, "at character 261:")]) {
        let request = ListTasksRequest {
            filter: filter.to_owned(),
            ..Default::default()
        };
        let refused = user.list_tasks(request).await.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        let details = refused.get_error_details();
        let violation = &details.bad_request().unwrap().field_violations[0];
        assert_eq!(violation.field, "filter");
        let starts = violation.description.starts_with(position);
        assert!(starts, "{filter:?}: {}", violation.description);
    }
}

#[tokio::test]
async fn tasks_are_in_order_across_pages() {
    let world = World::new().await;
    let user = user_with_three_tasks(&world).await;
    for (order_by, expected) in ORDERS {
        let mut request = ListTasksRequest {
            order_by: order_by.to_owned(),
            page_size: 1,
            ..Default::default()
        };
        let mut titles = Vec::new();
        while titles.len() <= expected.len() {
            let page = user.list_tasks(request.clone()).await.unwrap();
            titles.extend(page.tasks.into_iter().map(|task| task.title));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(titles, expected, "{order_by}");
    }
}
