//! Any page size walks the same list exactly once while tasks come and go.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use proptest::{collection::vec, prelude::*, sample::select};
use shared::proto::task::{ListTasksRequest, Task};

use crate::{
    generated::{check, runtime},
    world::{User, World, titled},
};

/// More than any walk here takes.
const MOST_PAGES: usize = 100;
const ORDERS: [&str; 7] = [
    "",
    "create_time",
    "update_time desc",
    "due_time",
    "due_time desc",
    "priority desc, title",
    "title",
];

/// What happens beside a walk.
#[derive(Debug, Clone, Copy)]
enum Beside {
    Insert(i32),
    Delete(usize),
}

fn beside() -> impl Strategy<Value = Beside> {
    prop_oneof![
        (1..=3).prop_map(Beside::Insert),
        (0..100_usize).prop_map(Beside::Delete)
    ]
}

/// Makes the changes, while pages are read; the tasks in `keep` stay.
async fn disturb(user: &User, doomed: &RefCell<Vec<String>>, changes: &[Beside]) {
    for change in changes {
        match *change {
            Beside::Insert(priority) => {
                let made = user
                    .make(Task {
                        priority,
                        ..titled("new")
                    })
                    .await;
                doomed.borrow_mut().push(made.id);
            }
            Beside::Delete(at) => {
                let id = {
                    let mut doomed = doomed.borrow_mut();
                    if doomed.is_empty() {
                        continue;
                    }
                    let at = at % doomed.len();
                    doomed.swap_remove(at)
                };
                user.delete(&id).await.unwrap();
            }
        }
    }
}

/// Walks all pages while tasks come and go beside it; gives how often each task was seen.
async fn walk(
    user: &User,
    page_size: i32,
    order_by: &str,
    doomed: &RefCell<Vec<String>>,
    changes: &[Beside],
) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    let mut page_token = String::new();
    let mut changes = changes.chunks(2);
    for _page in 0..MOST_PAGES {
        let request = ListTasksRequest {
            page_size,
            order_by: order_by.to_owned(),
            page_token,
            ..Default::default()
        };
        let disturbed = disturb(user, doomed, changes.next().unwrap_or_default());
        let (page, ()) = tokio::join!(user.list_tasks(request), disturbed);
        let page = page.unwrap();
        for task in page.tasks {
            *seen.entry(task.id).or_default() += 1;
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return seen;
        }
    }
    panic!("the walk does not end")
}

/// Sixteen tasks with many ties; those that stay and those that may be deleted.
async fn populate(world: &World, user: &User) -> (Vec<String>, Vec<String>) {
    let (mut stay, mut leave) = (Vec::new(), Vec::new());
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
            &mut leave
        } else {
            &mut stay
        };
        list.push(user.make(task).await.id);
        world
            .clock
            .advance(Duration::from_millis(u64::from(number % 2 == 0)));
    }
    (stay, leave)
}

#[test]
fn any_page_size_walks_the_list_once_while_tasks_come_and_go() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let input = (1..=9_i32, select(ORDERS.to_vec()), vec(beside(), 0..24));
    check(&input, |(page_size, order_by, changes)| {
        runtime.block_on(async {
            let user = world.user();
            let (stay, leave) = populate(&world, &user).await;
            let seen = walk(&user, page_size, order_by, &RefCell::new(leave), &changes).await;
            for id in stay {
                prop_assert_eq!(
                    seen.get(&id),
                    Some(&1),
                    "a task that was there all the time"
                );
            }
            prop_assert!(
                seen.values().all(|times| *times == 1),
                "a task was seen twice"
            );
            Ok(())
        })
    });
}
