//! P8: useful answers at five times the load that can be served ÷ those at the best load.

use std::{sync::Arc, time::Duration};

use super::{
    chapter::{Chapter, Stand},
    goal::{Bound, Goal},
};
use crate::{
    arms::{CallArm, OfferedArm},
    calls::{PAGE, Protocol, Question, Reads},
    generator::{self, Offer},
    rounds::Arm,
};

const TEXT: &str = "The first arm is a closed loop, which offers as much as is served. The other offers five times as many calls, each at its \
    own fixed time, with a deadline of half a second from that time, whatever became of the calls before. A useful answer is one that is right and \
    not late. ListTasks is used, because the callers share the cores: with a cheaper call they would need more CPU than the server.";
const CALLERS: usize = 64;
const DEADLINE: Duration = Duration::from_millis(500);
const TIMES: f64 = 5.0;

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let task = stand.deployment.task;
    let calls = Reads::new(Protocol::Grpc, Question::ListTasks, task, &stand.deployment)?;
    let calls = Arc::new(calls);
    let target = stand.target(task, CALLERS);
    let peak = generator::run(&calls, target, stand.plan.block)
        .await?
        .rate();
    let closed = CallArm {
        name: format!("ListTasks of {PAGE}, {CALLERS} callers"),
        calls: Arc::clone(&calls),
        target,
    };
    let offered = OfferedArm {
        name: format!("{TIMES} times as many offered: useful"),
        calls,
        offer: Offer {
            address: task,
            rate: peak * TIMES,
            deadline: DEADLINE,
            connections: 16,
        },
    };
    let arms: Vec<Box<dyn Arm>> = vec![Box::new(closed), Box::new(offered)];
    let rounds = stand.measure("overload", arms).await?;
    let (target, ratio) = (Bound::AtLeast(0.95), rounds.ratio(1));
    let text = "useful answers at 5 times the load ÷ peak";
    let goal = Goal::ratio("P8", text, target, ratio, rounds.difference());
    Ok(Chapter {
        title: "Too much load",
        text: TEXT,
        goals: vec![goal],
        rounds: vec![("Useful answers".to_owned(), rounds)],
        ..Chapter::default()
    })
}
