//! How the rate depends on the number of callers.

use std::sync::Arc;

use super::chapter::{Chapter, Stand};
use crate::{
    arms::CallArm,
    calls::{Change, Changes, Protocol, Question, Reads},
    generator::Calls,
    page::Curve,
    rounds::{Arm, Plan, Rounds, count, measure},
};

const TEXT: &str = "Each caller waits for its answer before its next call. With more callers, calls wait together, and the service can join them \
    into one statement.";
const CALLERS: [usize; 5] = [1, 4, 16, 64, 256];

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let (task, deployment) = (stand.deployment.task, &stand.deployment);
    let get = Reads::new(Protocol::Grpc, Question::GetTask, task, deployment)?;
    let get = rounds(stand, "GetTask", get).await?;
    let create = Changes::new(Change::Create, task, deployment)?;
    let create = rounds(stand, "CreateTask", create).await?;
    let line = |name: &str, rounds: &Rounds| {
        let rates = rounds.series.iter().map(|series| series.rate().median);
        let callers = CALLERS.iter().map(|callers| count(*callers as u64));
        (name.to_owned(), callers.zip(rates).collect())
    };
    Ok(Chapter {
        title: "Callers",
        text: TEXT,
        curves: vec![Curve {
            name: "callers",
            title: "Calls a second, by the number of callers",
            across: "callers",
            lines: vec![line("GetTask", &get), line("CreateTask", &create)],
        }],
        rounds: vec![
            ("GetTask by callers".to_owned(), get),
            ("CreateTask by callers".to_owned(), create),
        ],
        ..Chapter::default()
    })
}

async fn rounds<C: Calls>(stand: &Stand, name: &str, calls: C) -> anyhow::Result<Rounds> {
    let calls = Arc::new(calls);
    let arm = |callers| {
        let arm: Box<dyn Arm> = Box::new(CallArm {
            name: format!("{name}, {callers} callers"),
            calls: Arc::clone(&calls),
            target: stand.target(stand.deployment.task, callers),
        });
        arm
    };
    // A curve needs fewer rounds than a goal.
    let plan = Plan {
        rounds: stand.plan.rounds.div_ceil(2),
        ..stand.plan
    };
    measure(name, &mut CALLERS.map(arm), &stand.deployment.meters, plan).await
}
