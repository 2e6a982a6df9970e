//! What holds for any task and any mask, shown through the wire.

use proptest::{prelude::*, sample::subsequence};
use shared::proto::task::Task;
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    generated::{a_task, check, runtime},
    world::World,
};

const MUTABLE: [&str; 6] = [
    "title",
    "description",
    "status",
    "due_time",
    "priority",
    "labels",
];

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
