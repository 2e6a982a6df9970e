//! P2: durable `CreateTask` and `UpdateTask` ÷ pgbench with a plain statement.

use std::sync::Arc;

use super::{
    chapter::{Chapter, Stand},
    goal::{Bound, Goal},
    statements,
};
use crate::{
    arms::{CallArm, Pgbench},
    calls::{Change, Changes},
    rounds::{Arm, Rounds},
};

const TEXT: &str = "Every change is on the disk before it is answered. pgbench inserts or updates one row of the same table by a plain \
    statement. CreateTask and UpdateTask also give the change a number, unique for its owner, and creating holds the quota exactly.";

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let population = stand.deployment.population;
    let create = statements::insert(population);
    let create = rounds(stand, Change::Create, "insert", &create).await?;
    let update = statements::update(population);
    let update = rounds(stand, Change::Update, "update", &update).await?;
    let goal = |text: &str, target, rounds: &Rounds| {
        let ratio = rounds.best_ratio(1..3, 0..1);
        Goal::ratio(
            "P2",
            text,
            Bound::AtLeast(target),
            ratio,
            rounds.difference(),
        )
    };
    Ok(Chapter {
        title: "Changing tasks",
        text: TEXT,
        goals: vec![
            goal("CreateTask ÷ pgbench INSERT", 2.0, &create),
            goal("UpdateTask ÷ pgbench UPDATE", 1.5, &update),
        ],
        rounds: vec![
            ("CreateTask".to_owned(), create),
            ("UpdateTask".to_owned(), update),
        ],
        ..Chapter::default()
    })
}

async fn rounds(stand: &Stand, change: Change, name: &str, script: &str) -> anyhow::Result<Rounds> {
    let mut arms: Vec<Box<dyn Arm>> = vec![Box::new(Pgbench::new(name, 32, script, stand)?)];
    let task = stand.deployment.task;
    let calls = Arc::new(Changes::new(change, task, &stand.deployment)?);
    for callers in [64, 256] {
        arms.push(Box::new(CallArm {
            name: format!("{}, {callers} callers", change.method()),
            calls: Arc::clone(&calls),
            target: stand.target(task, callers),
        }));
    }
    stand.measure(change.method(), arms).await
}
