//! What holds for any input, shown through the wire with generated ones.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use proptest::{
    collection::vec,
    prelude::*,
    sample::{select, subsequence},
    test_runner::{Config, TestRunner},
};
use shared::proto::task::{ListTasksRequest, Task};
use tokio::runtime::Runtime;
use unicode_normalization::UnicodeNormalization as _;

use crate::world::{User, World, titled};

const MUTABLE: [&str; 6] = [
    "title",
    "description",
    "status",
    "due_time",
    "priority",
    "labels",
];

/// Runs `property` on 64 generated inputs.
fn check<S: Strategy>(strategy: &S, property: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config {
        cases: 64,
        failure_persistence: None,
        max_shrink_iters: 50,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(strategy, property)
        .unwrap_or_else(|failure| panic!("{failure}"));
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Text within the bounds in code points after NFC, of any characters but control characters.
fn text(
    bounds: std::ops::RangeInclusive<usize>,
    also: &'static str,
) -> impl Strategy<Value = String> {
    let most = *bounds.end();
    let character = prop_oneof![
        4 => any::<char>(),
        2 => select("e\u{301}가\u{1100}\u{1161}\u{fb01}🦀\u{200d}%_\\\"' ".chars().collect::<Vec<_>>()),
    ];
    let usable = move |c: &char| !c.is_control() || also.contains(*c);
    let length = prop_oneof![8 => 0..=most.min(40), 1 => most - 3..=most];
    length
        .prop_flat_map(move |length| vec(character.clone().prop_filter("control", usable), length))
        .prop_map(|characters| characters.into_iter().collect::<String>())
        .prop_filter("bounds", move |text| bounds.contains(&text.nfc().count()))
}

fn a_task() -> impl Strategy<Value = Task> {
    let due = proptest::option::of((-62_135_596_800_i64..253_402_300_800, 0..1_000_000_i32));
    let labels = vec(text(1..=50, ""), 0..5);
    (
        text(1..=200, ""),
        text(0..=2000, "\n\t"),
        1..=3_i32,
        due,
        1..=3_i32,
        labels,
    )
        .prop_map(|(title, description, status, due, priority, labels)| Task {
            title,
            description,
            status,
            priority,
            labels,
            due_time: due.map(|(seconds, micros)| prost_types::Timestamp {
                seconds,
                nanos: micros * 1000,
            }),
            ..Default::default()
        })
}

/// The task as it must come back: text in NFC, labels a sorted set.
fn normal(task: Task) -> Task {
    let mut labels: Vec<String> = task
        .labels
        .iter()
        .map(|label| label.nfc().collect())
        .collect();
    labels.sort();
    labels.dedup();
    Task {
        title: task.title.nfc().collect(),
        description: task.description.nfc().collect(),
        labels,
        ..task
    }
}

/// One of the mutable fields, to be compared.
fn shown(task: &Task, field: &str) -> String {
    match field {
        "title" => format!("{:?}", task.title),
        "description" => format!("{:?}", task.description),
        "status" => format!("{:?}", task.status),
        "due_time" => format!("{:?}", task.due_time),
        "priority" => format!("{:?}", task.priority),
        "labels" => format!("{:?}", task.labels),
        other => panic!("{other} is not mutable"),
    }
}

#[test]
fn any_task_within_the_limits_survives_a_round_trip() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let user = runtime.block_on(async { world.user() });
    check(&a_task(), |task| {
        let (made, read) = runtime.block_on(async {
            let made = user.make(task.clone()).await;
            let read = user.get(&made.id).await.unwrap();
            (made, read)
        });
        prop_assert_eq!(&made, &read);
        let expected = normal(task);
        for field in MUTABLE {
            prop_assert_eq!(shown(&read, field), shown(&expected, field));
        }
        Ok(())
    });
}

#[test]
fn any_mask_changes_only_what_it_names() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let user = runtime.block_on(async { world.user() });
    let mask = subsequence(MUTABLE.to_vec(), 1..=MUTABLE.len());
    check(&(a_task(), a_task(), mask), |(task, update, mask)| {
        let (before, after) = runtime.block_on(async {
            let before = user.make(task).await;
            let update = Task {
                id: before.id.clone(),
                ..update.clone()
            };
            let answer = user.update(update, &mask).await.unwrap();
            let after = user.get(&before.id).await.unwrap();
            assert_eq!(answer, after);
            (before, after)
        });
        let update = normal(update);
        for field in MUTABLE {
            let expected = if mask.contains(&field) {
                &update
            } else {
                &before
            };
            prop_assert_eq!(shown(&after, field), shown(expected, field), "{}", field);
        }
        prop_assert_eq!(after.complete_time.is_some(), after.status == 3);
        let rest = |task: &Task| {
            (
                task.id.clone(),
                task.user_id.clone(),
                task.create_time,
                task.delete_time,
            )
        };
        prop_assert_eq!(rest(&after), rest(&before));
        Ok(())
    });
}

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
    loop {
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
}

#[test]
fn any_page_size_walks_the_list_once_while_tasks_come_and_go() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let orders = [
        "",
        "create_time",
        "update_time desc",
        "due_time",
        "due_time desc",
        "priority desc, title",
        "title",
    ];
    let input = (1..=9_i32, select(orders.to_vec()), vec(beside(), 0..24));
    check(&input, |(page_size, order_by, changes)| {
        runtime.block_on(async {
            let user = world.user();
            let (mut stay, mut leave) = (Vec::new(), Vec::new());
            for number in 0..16 {
                let due = (number % 3 == 0).then_some(prost_types::Timestamp {
                    seconds: number % 2,
                    nanos: 0,
                });
                let priority = 1 + i32::try_from(number % 3).unwrap();
                let task = Task {
                    priority,
                    due_time: due,
                    ..titled(["a", "b"][usize::from(number % 4 == 0)])
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
