//! `ListTasks`

use std::time::Duration;

use contract::proto::task::{ListTasksRequest, ListTasksResponse, Task};
use testing::{assert_refused, violations};
use tonic::{Code, Status};

use crate::world::{User, World};

async fn list(user: &User, request: ListTasksRequest) -> Vec<String> {
    titles(&user.list_tasks(request).await.unwrap())
}

fn titles(page: &ListTasksResponse) -> Vec<String> {
    page.tasks.iter().map(|task| task.title.clone()).collect()
}

/// Tasks with the titles 0, 1, 2 …, created one second apart.
async fn numbered(world: &World, user: &User, count: usize) -> Vec<Task> {
    let mut tasks = Vec::new();
    for number in 0..count {
        tasks.push(user.task(&number.to_string()).await);
        world.clock.advance(Duration::from_secs(1));
    }
    tasks
}

#[tokio::test]
async fn the_newest_tasks_come_first_and_pages_continue_each_other() {
    let world = World::new().await;
    let user = world.user();
    numbered(&world, &user, 5).await;
    let mut request = ListTasksRequest {
        page_size: 2,
        include_total_size: true,
        ..Default::default()
    };
    let mut seen = Vec::new();
    while seen.len() <= 3 {
        let page = user.list_tasks(request.clone()).await.unwrap();
        assert_eq!(page.total_size, Some(5));
        seen.push(titles(&page));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, [vec!["4", "3"], vec!["2", "1"], vec!["0"]]);
}

#[tokio::test]
async fn a_list_contains_only_the_callers_tasks_and_a_count_only_on_request() {
    let world = World::new().await;
    let (user, other) = (world.user(), world.user());
    user.task("mine").await;
    other.task("theirs").await;
    let page = user.list_tasks(ListTasksRequest::default()).await.unwrap();
    assert_eq!(
        (titles(&page), page.total_size),
        (vec!["mine".to_owned()], None)
    );
    assert_eq!(
        world
            .user()
            .list_tasks(ListTasksRequest::default())
            .await
            .unwrap(),
        ListTasksResponse::default()
    );
}

#[tokio::test]
async fn the_default_page_size_is_50_and_the_maximum_200() {
    let world = World::new().await;
    let user = world.user();
    futures_util::future::join_all((0..201).map(|_| user.task("t"))).await;
    for (asked, given) in [(0, 50), (1, 1), (200, 200), (201, 200), (i32::MAX, 200)] {
        let request = ListTasksRequest {
            page_size: asked,
            ..Default::default()
        };
        let page = user.list_tasks(request).await.unwrap();
        assert_eq!(page.tasks.len(), given, "page_size {asked}");
        assert!(!page.next_page_token.is_empty());
    }
}

#[tokio::test]
async fn skip_counts_from_the_page_token() {
    let world = World::new().await;
    let user = world.user();
    numbered(&world, &user, 6).await;
    let request = ListTasksRequest {
        skip: 2,
        page_size: 1,
        ..Default::default()
    };
    let page = user.list_tasks(request.clone()).await.unwrap();
    assert_eq!(titles(&page), ["3"]);
    let request = ListTasksRequest {
        page_token: page.next_page_token,
        ..request
    };
    assert_eq!(list(&user, request).await, ["0"]);
    let beyond = ListTasksRequest {
        skip: 10_000,
        ..Default::default()
    };
    assert!(list(&user, beyond).await.is_empty());
}

#[tokio::test]
async fn deleted_tasks_are_listed_only_on_request_and_until_they_are_purged() {
    let world = World::new().await;
    let user = world.user();
    let tasks = numbered(&world, &user, 2).await;
    user.delete(&tasks[0].id).await.unwrap();
    assert_eq!(list(&user, ListTasksRequest::default()).await, ["1"]);
    let all = ListTasksRequest {
        show_deleted: true,
        ..Default::default()
    };
    assert_eq!(list(&user, all.clone()).await, ["1", "0"]);
    world.clock.advance(Duration::from_hours(30 * 24));
    assert_eq!(list(&user, all).await, ["1"]);
}

async fn refused(user: &User, request: ListTasksRequest) -> Status {
    let refused = user.list_tasks(request).await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    refused
}

#[tokio::test]
async fn all_violations_are_reported_together_and_a_filter_error_has_its_position() {
    let world = World::new().await;
    let request = ListTasksRequest {
        page_size: -1,
        page_token: "nonsense".to_owned(),
        skip: 10_001,
        filter: "status = DONE".to_owned(),
        order_by: "id".to_owned(),
        ..Default::default()
    };
    let status = refused(&world.user(), request).await;
    let expected = [
        ("page_size", "OUT_OF_RANGE"),
        ("page_token", "PAGE_TOKEN_INVALID"),
        ("skip", "OUT_OF_RANGE"),
        ("filter", "BAD_FILTER"),
        ("order_by", "BAD_ORDER"),
    ];
    assert_eq!(
        violations(&status),
        expected.map(|(f, r)| (f.to_owned(), r.to_owned()))
    );
    let details = tonic_types::StatusExt::get_error_details(&status);
    let filter = &details.bad_request().unwrap().field_violations[3];
    assert!(
        filter.description.contains("character 10"),
        "{}",
        filter.description
    );
    let negative = ListTasksRequest {
        skip: -1,
        ..Default::default()
    };
    assert_eq!(
        violations(&refused(&world.user(), negative).await)[0].0,
        "skip"
    );
}

/// A request for the second page of one-task pages.
async fn second_page(user: &User) -> ListTasksRequest {
    let first = ListTasksRequest {
        page_size: 1,
        ..Default::default()
    };
    let page = user.list_tasks(first.clone()).await.unwrap();
    ListTasksRequest {
        page_token: page.next_page_token,
        ..first
    }
}

#[tokio::test]
async fn a_page_token_is_accepted_only_from_its_user_and_for_its_list() {
    let world = World::new().await;
    let (user, other) = (world.user(), world.user());
    numbered(&world, &user, 3).await;
    numbered(&world, &other, 3).await;
    let next = second_page(&user).await;

    let invalid = [("page_token".to_owned(), "PAGE_TOKEN_INVALID".to_owned())];
    assert_eq!(violations(&refused(&other, next.clone()).await), invalid);
    for changed in [
        ListTasksRequest {
            filter: "status = PENDING".to_owned(),
            ..next.clone()
        },
        ListTasksRequest {
            order_by: "title".to_owned(),
            ..next.clone()
        },
        ListTasksRequest {
            show_deleted: true,
            ..next.clone()
        },
        ListTasksRequest {
            page_token: format!("{}A", next.page_token),
            ..next.clone()
        },
    ] {
        assert_eq!(violations(&refused(&user, changed).await), invalid);
    }
    let larger = ListTasksRequest {
        page_size: 9,
        ..next
    };
    assert_eq!(list(&user, larger).await, ["1", "0"]);
}

#[tokio::test]
async fn a_page_token_expires_after_three_days() {
    let world = World::new().await;
    let user = world.user();
    numbered(&world, &user, 3).await;
    let next = second_page(&user).await;
    world
        .clock
        .advance(Duration::from_hours(3 * 24) - Duration::from_secs(9));
    assert_eq!(list(&user, next.clone()).await, ["1"]);
    world.clock.advance(Duration::from_secs(10));
    let expired = [("page_token".to_owned(), "PAGE_TOKEN_EXPIRED".to_owned())];
    assert_eq!(violations(&refused(&user, next).await), expired);
}
