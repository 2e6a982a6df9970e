//! `ListTasks`: what a filter chooses and how an order arranges.

use std::time::Duration;

use shared::proto::task::{ListTasksRequest, Task, TaskPriority, TaskStatus};

use crate::world::{User, World, titled};

const MILK: &str = "Buy milk";
const SHIP: &str = "ship it";
const RUN: &str = "Milk run";

const FILTERS: [(&str, &[&str]); 10] = [
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

/// Three tasks, a second after each other.
async fn three(world: &World) -> User {
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
        user.make(Task {
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
async fn a_filter_chooses_and_what_it_chooses_is_counted() {
    let world = World::new().await;
    let user = three(&world).await;
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
async fn an_order_holds_across_pages() {
    let world = World::new().await;
    let user = three(&world).await;
    for (order_by, expected) in ORDERS {
        let mut request = ListTasksRequest {
            order_by: order_by.to_owned(),
            page_size: 1,
            ..Default::default()
        };
        let mut walked = Vec::new();
        while walked.len() <= expected.len() {
            let page = user.list_tasks(request.clone()).await.unwrap();
            walked.extend(page.tasks.into_iter().map(|task| task.title));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(walked, expected, "{order_by}");
    }
}
