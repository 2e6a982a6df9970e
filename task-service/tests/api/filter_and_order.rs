//! `ListTasks`: filters and orders.

use std::time::Duration;

use contract::proto::task::{ListTasksRequest, Task, TaskPriority, TaskStatus};

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

/// A user with three tasks, created one second apart.
async fn user_with_three_tasks(world: &World) -> User {
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
