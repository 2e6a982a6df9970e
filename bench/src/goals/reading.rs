//! P1: `GetTask` ÷ pgbench with the same statement.

use std::sync::Arc;

use super::{
    chapter::{Chapter, Stand},
    goal::{Bound, Goal},
    statements,
};
use crate::{
    arms::{CallArm, Pgbench},
    calls::{Protocol, Question, Reads},
    rounds::Arm,
};

const TEXT: &str = "GetTask goes through the whole chain: HTTP/2, token, limits, statement, access line. pgbench runs the same \
    statement on the same rows, prepared, without any of that. Each is taken at its best concurrency.";

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let script = statements::get(stand.deployment.population);
    let mut arms: Vec<Box<dyn Arm>> = Vec::new();
    for clients in [8, 32] {
        arms.push(Box::new(Pgbench::new("get", clients, &script, stand)?));
    }
    let task = stand.deployment.task;
    let calls = Reads::new(Protocol::Grpc, Question::GetTask, task, &stand.deployment)?;
    let calls = Arc::new(calls);
    for callers in [64, 256] {
        arms.push(Box::new(CallArm {
            name: format!("GetTask, {callers} callers"),
            calls: Arc::clone(&calls),
            target: stand.target(task, callers),
        }));
    }
    let rounds = stand.measure("reading", arms).await?;
    let ratio = rounds.best_ratio(2..4, 0..2);
    let target = Bound::AtLeast(1.0);
    let goal = Goal::ratio(
        "P1",
        "GetTask ÷ pgbench",
        target,
        ratio,
        rounds.difference(),
    );
    Ok(Chapter {
        title: "Reading a task",
        text: TEXT,
        goals: vec![goal],
        rounds: vec![("GetTask".to_owned(), rounds)],
        ..Chapter::default()
    })
}
