//! P12: gRPC-web through the gateway ÷ direct gRPC.

use super::{
    chapter::{Chapter, Stand},
    goal::{Bound, Goal},
};
use crate::{
    calls::Question,
    doors::{Door, Loop},
    rounds::Arm,
};

const TEXT: &str = "The same call, made as gRPC to the task service, and through the gateway in each protocol that it offers. The callers and \
    their HTTP/2 client are the same, so the ratios compare only the servers.";

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let callers = Loop {
        callers: 64,
        streams: 16,
        threads: stand.threads,
    };
    let mut chapter = Chapter {
        title: "Protocols of the gateway",
        text: TEXT,
        ..Chapter::default()
    };
    for &question in Question::all() {
        let mut arms: Vec<Box<dyn Arm>> = Vec::new();
        for door in Door::all() {
            arms.push(Box::new(door.arm(question, &stand.deployment, callers)?));
        }
        let rounds = stand.measure(question.name(), arms).await?;
        let text = format!("{}: gRPC-web through the gateway ÷ gRPC", question.name());
        let (target, ratio) = (Bound::AtLeast(0.7), rounds.ratio(1));
        let goal = Goal::ratio("P12", text, target, ratio, rounds.difference());
        chapter.goals.push(goal);
        let caption = format!("{} through every protocol", question.name());
        chapter.rounds.push((caption, rounds));
    }
    Ok(chapter)
}
