//! P3: the CPU of the whole chain without a query ÷ that of the smallest gRPC server.

use std::sync::Arc;

use contract::proto::{auth::GetJsonWebKeySetRequest, task::GetTaskRequest};

use super::{
    chapter::{Chapter, Stand},
    goal::{Bound, Goal},
};
use crate::{
    arms::CallArm,
    calls::StatusCalls,
    cpu::Meter,
    population::task_id,
    programs::{Server, free_address},
    rounds::{Arm, measure},
};

const TEXT: &str = "What a call costs before the database, compared with a tonic server of one method that does nothing. No call of the \
    task service with a token does without a query, except one that is refused after the token was verified and the message was read. \
    Such a refusal carries details, so it costs more than a successful call: the ratio is an upper bound. GetJsonWebKeySet is a successful \
    call without a query, but without a token.";
const CALLERS: usize = 64;
/// The status of a refused argument.
const INVALID_ARGUMENT: &str = "3";

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let echo = free_address()?;
    let server = Server::of_this_program(&["echo", "--listen", &echo])?;
    server.listens(echo.parse()?).await?;
    let mut meters = stand.deployment.meters.clone();
    meters.push(Meter::of("echo", server.id()));
    let meter = |name: &str| meters.iter().position(|meter| meter.name == name);
    let (own, reference) = (meter("task-service"), meter("echo"));
    let (own, reference) = (own.unwrap_or_default(), reference.unwrap_or_default());

    let mut arms = arms(stand, &echo)?;
    let rounds = measure("chain", &mut arms, &meters, stand.plan).await?;
    drop(server);
    let goal = Goal::ratio(
        "P3",
        "CPU of the chain without a query ÷ bare tonic",
        Bound::AtMost(1.15),
        rounds.cpu_ratio((1, own), (0, reference)),
        rounds.cpu_difference(reference),
    );
    Ok(Chapter {
        title: "The chain without a query",
        text: TEXT,
        goals: vec![goal],
        rounds: vec![("Without a query".to_owned(), rounds)],
        ..Chapter::default()
    })
}

fn arms(stand: &Stand, echo: &str) -> anyhow::Result<Vec<Box<dyn Arm>>> {
    let asked = |id: String| GetTaskRequest { id };
    let deployment = &stand.deployment;
    let (task, auth, users) = (deployment.task, deployment.auth, &deployment.users);
    let get = "tandem.task.v1.TaskService/GetTask";
    let plain = StatusCalls::new(
        &format!("http://{echo}/{get}"),
        &asked(task_id(0)),
        "0",
        users,
    )?;
    let refused = asked("x".repeat(36));
    let refused = StatusCalls::new(
        &format!("http://{task}/{get}"),
        &refused,
        INVALID_ARGUMENT,
        users,
    )?;
    let keys = format!("http://{auth}/tandem.auth.v1.AuthService/GetJsonWebKeySet");
    let keys = StatusCalls::new(&keys, &GetJsonWebKeySetRequest {}, "0", users)?;
    let arm = |name: &str, calls, address| {
        let arm: Box<dyn Arm> = Box::new(CallArm {
            name: name.to_owned(),
            calls: Arc::new(calls),
            target: stand.target(address, CALLERS),
        });
        arm
    };
    Ok(vec![
        arm("bare tonic", plain, echo.parse()?),
        arm("GetTask, refused", refused, task),
        arm("GetJsonWebKeySet", keys, auth),
    ])
}
