//! P4: `GetTask` and `CreateTask` ÷ the same calls of the backend of the first specification.

use std::sync::Arc;

use super::{
    chapter::{Chapter, Stand},
    goal::{Bound, Goal, Measured},
};
use crate::{
    arms::CallArm,
    calls::{Change, Changes, Protocol, Question, Reads, SeedCall, SeedCalls},
    cpu::Meter,
    generator::{Target, Wire},
    memory::kibibytes,
    rounds::{Arm, Rounds, count, measure},
    seed_stack::SeedStack,
    statistics::Spread,
};

const TEXT: &str = "The backend that the first specification describes (bench/peers/seed: FastAPI, SQLModel, psycopg2, python-jose, two \
    workers), on a database with as many tasks. Both get each call with a token and check it. Memory is all of the processes in RAM, after \
    the load: the workers there; the auth service, the task service and the gateway here.";

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let deployment = &stand.deployment;
    let database = deployment.create_database("seed").await?;
    let stack = SeedStack::start(&database, deployment.population).await?;
    let task = deployment.task;
    let get = Reads::new(Protocol::Grpc, Question::GetTask, task, deployment)?;
    let get = ours(stand, "GetTask", get);
    let get = rounds(stand, &stack, SeedCall::Get, get).await?;
    let create = Changes::new(Change::Create, task, deployment)?;
    let create = ours(stand, "CreateTask", create);
    let create = rounds(stand, &stack, SeedCall::Create, create).await?;
    let memory = memory(stand, &stack)?;
    stack.stop()?;
    let goal = |text: &str, rounds: &Rounds| {
        let ratio = rounds.ratio(1);
        Goal::ratio("P4", text, Bound::AtLeast(60.0), ratio, rounds.difference())
    };
    Ok(Chapter {
        title: "The stack of the first specification",
        text: TEXT,
        goals: vec![
            goal("GetTask ÷ the seed's stack", &get),
            goal("CreateTask ÷ the seed's stack", &create),
            memory,
        ],
        rounds: vec![
            ("Get, and the seed's stack".to_owned(), get),
            ("Create, and the seed's stack".to_owned(), create),
        ],
        ..Chapter::default()
    })
}

fn ours<C: crate::generator::Calls>(stand: &Stand, name: &str, calls: C) -> Box<dyn Arm> {
    Box::new(CallArm {
        name: format!("{name}, 64 callers"),
        calls: Arc::new(calls),
        target: stand.target(stand.deployment.task, 64),
    })
}

async fn rounds(
    stand: &Stand,
    stack: &SeedStack,
    call: SeedCall,
    ours: Box<dyn Arm>,
) -> anyhow::Result<Rounds> {
    let calls = SeedCalls::new(call, stand.deployment.population, stack);
    let theirs = CallArm {
        name: "the seed's stack, 16 callers".to_owned(),
        calls: Arc::new(calls),
        target: Target {
            wire: Wire::Http1,
            ..stand.target(stack.address, 16)
        },
    };
    let mut meters = stand.deployment.meters.clone();
    meters.push(Meter::with_children("the seed's stack", stack.id()));
    let mut arms = [Box::new(theirs), ours];
    measure("the seed's stack", &mut arms, &meters, stand.plan).await
}

/// The memory of our processes ÷ that of the seed's stack.
fn memory(stand: &Stand, stack: &SeedStack) -> anyhow::Result<Goal> {
    let servers = stand.deployment.servers.iter();
    let each = servers.map(|server| kibibytes(server.id(), "VmRSS:"));
    let own: u64 = each.sum::<anyhow::Result<u64>>()?;
    Ok(Goal {
        number: "P4",
        text: "memory ÷ that of the seed's stack".to_owned(),
        target: Bound::AtMost(0.1),
        measured: Measured::Figure(Spread::of_one(count(own) / count(stack.memory()?))),
    })
}
