//! P7: reads while far more sign-ins arrive than can be hashed ÷ reads alone, and the memory of the flood.

use std::{sync::Arc, time::Duration};

use super::{
    chapter::{Chapter, Stand},
    goal::{Bound, Goal, Measured},
    strong::{MEMORY_KIB, StrongAuth},
};
use crate::{
    arms::{CallArm, FloodedArm},
    calls::{Protocol, Question, Reads},
    generator::{self, Offer},
    memory::kibibytes,
    rounds::{Arm, Rounds, count},
    statistics::Spread,
};

const TEXT: &str = "Sign-ins arrive at ten times the rate that can be hashed, at an auth service that hashes on half of the cores. The other cores \
    are what is left for reads, so their goal is 0.9 of that share. Memory is what the auth service has beyond one that does not hash, ÷ what its \
    hashing threads need.";
const TIMES: f64 = 10.0;
const DEADLINE: Duration = Duration::from_secs(1);

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let cores = std::thread::available_parallelism()?.get();
    let threads = (cores / 2).max(1);
    let strong = StrongAuth::start(stand, threads, "flooded", "019b76da84007004").await?;
    let address = strong.address.parse()?;
    let sign_ins = Arc::new(strong.sign_ins);
    let block = stand.slow_plan().block;
    let capacity = generator::run(&sign_ins, stand.target(address, 8), block)
        .await?
        .rate();
    let offer = Offer {
        address,
        rate: capacity * TIMES,
        deadline: DEADLINE,
        connections: 4,
    };
    let flooded = FloodedArm {
        arm: reads(stand)?,
        flood: sign_ins,
        offer,
    };
    let arms: Vec<Box<dyn Arm>> = vec![Box::new(reads(stand)?), Box::new(flooded)];
    let rounds = stand.measure("flood", arms).await?;
    let goals = vec![
        share(&rounds, 1.0 - count(threads as u64) / count(cores as u64)),
        memory(stand, strong.server.id(), threads)?,
    ];
    drop(strong.server);
    Ok(Chapter {
        title: "A flood of sign-ins",
        text: TEXT,
        goals,
        rounds: vec![("GetTask and the flood".to_owned(), rounds)],
        ..Chapter::default()
    })
}

fn reads(stand: &Stand) -> anyhow::Result<CallArm<Reads>> {
    let task = stand.deployment.task;
    let calls = Reads::new(Protocol::Grpc, Question::GetTask, task, &stand.deployment)?;
    Ok(CallArm {
        name: "GetTask, 64 callers".to_owned(),
        calls: Arc::new(calls),
        target: stand.target(task, 64),
    })
}

/// The goal of reads, of the share of the cores that they keep.
fn share(rounds: &Rounds, share: f64) -> Goal {
    let (target, ratio) = (Bound::AtLeast(0.9 * share), rounds.ratio(1));
    let text = format!("reads in a flood of sign-ins ÷ without (0.9 of a share of {share})");
    Goal::ratio("P7", text, target, ratio, rounds.difference())
}

fn memory(stand: &Stand, flooded: u32, threads: usize) -> anyhow::Result<Goal> {
    let [auth, ..] = &stand.deployment.servers;
    let own = |process| kibibytes(process, "RssAnon:");
    let extra = own(flooded)?.saturating_sub(own(auth.id())?);
    let needed = count(threads as u64) * f64::from(MEMORY_KIB);
    Ok(Goal {
        number: "P7",
        text: "extra memory in the flood ÷ that of the hashing threads".to_owned(),
        target: Bound::AtMost(1.05),
        measured: Measured::Figure(Spread::of_one(count(extra) / needed)),
    })
}
