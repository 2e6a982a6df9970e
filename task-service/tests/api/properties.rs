//! Properties that hold for every task and every mask, tested over the network.

use contract::proto::task::Task;
use proptest::{prelude::*, sample::subsequence};
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    generated::{check, runtime, valid_task},
    world::{User, World},
};

const MUTABLE: [&str; 6] = [
    "title",
    "description",
    "status",
    "due_time",
    "priority",
    "labels",
];

/// The task as the service returns it: text in NFC, lines without white space at their ends, labels sorted and without duplicates.
fn normalized(task: Task) -> Task {
    let line = |text: &str| text.nfc().collect::<String>().trim().to_owned();
    let mut labels: Vec<String> = task.labels.iter().map(|label| line(label)).collect();
    labels.sort();
    labels.dedup();
    Task {
        title: line(&task.title),
        description: task.description.nfc().collect(),
        labels,
        ..task
    }
}

/// The text of a mutable field, for comparison.
fn field_text(task: &Task, field: &str) -> String {
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
fn every_valid_task_is_read_as_it_was_created() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let user = runtime.block_on(async { world.user() });
    check(&valid_task(), |task| {
        let (created, read) = runtime.block_on(async {
            let created = user.create(task.clone()).await;
            let read = user.get(&created.id).await.unwrap();
            (created, read)
        });
        prop_assert_eq!(&created, &read);
        let expected = normalized(task);
        for field in MUTABLE {
            prop_assert_eq!(field_text(&read, field), field_text(&expected, field));
        }
        Ok(())
    });
}

/// The fields that no update changes.
fn fixed_fields(task: &Task) -> impl PartialEq + std::fmt::Debug {
    let Task { id, user_id, .. } = task.clone();
    (id, user_id, task.create_time, task.delete_time)
}

/// Creates a task and updates the fields in `mask`; returns the task before and after the update.
async fn create_and_update(user: &User, task: Task, update: Task, mask: &[&str]) -> (Task, Task) {
    let before = user.create(task).await;
    let update = Task {
        id: before.id.clone(),
        ..update
    };
    let answer = user.update(update, mask).await.unwrap();
    let after = user.get(&before.id).await.unwrap();
    assert_eq!(answer, after);
    (before, after)
}

#[test]
fn an_update_changes_only_the_fields_in_its_mask() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let user = runtime.block_on(async { world.user() });
    let mask = subsequence(MUTABLE.to_vec(), 1..=MUTABLE.len());
    let input = (valid_task(), valid_task(), mask);
    check(&input, |(task, update, mask)| {
        let updated = create_and_update(&user, task, update.clone(), &mask);
        let (before, after) = runtime.block_on(updated);
        let update = normalized(update);
        for field in MUTABLE {
            let named = mask.contains(&field);
            let expected = field_text(if named { &update } else { &before }, field);
            prop_assert_eq!(field_text(&after, field), expected, "{}", field);
        }
        prop_assert_eq!(after.complete_time.is_some(), after.status == 3);
        prop_assert_eq!(fixed_fields(&after), fixed_fields(&before));
        Ok(())
    });
}
