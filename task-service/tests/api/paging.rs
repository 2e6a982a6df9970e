//! Paging: with any page size, a list contains each task exactly once, while other tasks are created and deleted.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use contract::proto::task::{ListTasksRequest, Task};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    generated::{check, runtime},
    world::{User, World, titled},
};

/// More pages than any list here has.
const MAX_PAGES: usize = 100;
const ORDERS: [&str; 7] = [
    "",
    "create_time",
    "update_time desc",
    "due_time",
    "due_time desc",
    "priority desc, title",
    "title",
];

/// A change while pages are read.
#[derive(Debug, Clone, Copy)]
enum Change {
    Insert(i32),
    Delete(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (1..=3).prop_map(Change::Insert),
        (0..100_usize).prop_map(Change::Delete)
    ]
}

/// Makes the changes. Only the tasks in `deletable` are deleted, and new tasks are added to it.
async fn apply(user: &User, deletable: &RefCell<Vec<String>>, changes: &[Change]) {
    for change in changes {
        match *change {
            Change::Insert(priority) => {
                let created = user
                    .create(Task {
                        priority,
                        ..titled("new")
                    })
                    .await;
                deletable.borrow_mut().push(created.id);
            }
            Change::Delete(at) => {
                let id = {
                    let mut deletable = deletable.borrow_mut();
                    if deletable.is_empty() {
                        continue;
                    }
                    let at = at % deletable.len();
                    deletable.swap_remove(at)
                };
                user.delete(&id).await.unwrap();
            }
        }
    }
}

/// Reads all pages while `changes` happen; returns how often each task was seen.
async fn read_pages(
    user: &User,
    page_size: i32,
    order_by: &str,
    deletable: &RefCell<Vec<String>>,
    changes: &[Change],
) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    let mut page_token = String::new();
    let mut changes = changes.chunks(2);
    for _page in 0..MAX_PAGES {
        let request = ListTasksRequest {
            page_size,
            order_by: order_by.to_owned(),
            page_token,
            ..Default::default()
        };
        let applied = apply(user, deletable, changes.next().unwrap_or_default());
        let (page, ()) = tokio::join!(user.list_tasks(request), applied);
        let page = page.unwrap();
        for task in page.tasks {
            *seen.entry(task.id).or_default() += 1;
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return seen;
        }
    }
    panic!("the list does not end")
}

/// Creates sixteen tasks with many ties; returns those that stay and those that can be deleted.
async fn populate(world: &World, user: &User) -> (Vec<String>, Vec<String>) {
    let (mut stay, mut deletable) = (Vec::new(), Vec::new());
    for number in 0..16 {
        let due = prost_types::Timestamp {
            seconds: i64::from(number % 2),
            nanos: 0,
        };
        let task = Task {
            priority: 1 + number % 3,
            due_time: (number % 3 == 0).then_some(due),
            ..titled(if number % 4 == 0 { "a" } else { "b" })
        };
        let list = if number % 4 == 3 {
            &mut deletable
        } else {
            &mut stay
        };
        list.push(user.create(task).await.id);
        world
            .clock
            .advance(Duration::from_millis(u64::from(number % 2 == 0)));
    }
    (stay, deletable)
}

#[test]
fn with_any_page_size_each_task_is_listed_once_while_others_are_created_and_deleted() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let input = (1..=9_i32, select(ORDERS.to_vec()), vec(change(), 0..24));
    check(&input, |(page_size, order_by, changes)| {
        runtime.block_on(async {
            let user = world.user();
            let (stay, deletable) = populate(&world, &user).await;
            let seen = read_pages(
                &user,
                page_size,
                order_by,
                &RefCell::new(deletable),
                &changes,
            )
            .await;
            for id in stay {
                prop_assert_eq!(seen.get(&id), Some(&1), "a task that existed all the time");
            }
            prop_assert!(
                seen.values().all(|times| *times == 1),
                "a task was seen twice"
            );
            Ok(())
        })
    });
}
