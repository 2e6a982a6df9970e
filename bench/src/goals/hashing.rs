//! P5: `SignIn` ÷ Argon2 alone.

use std::sync::Arc;

use super::{
    chapter::{Chapter, Stand},
    goal::{Bound, Goal},
    strong::{ITERATIONS, MEMORY_KIB, StrongAuth},
};
use crate::{
    arms::{CallArm, HashLoop},
    cpu::Meter,
    rounds::{Arm, measure},
};

const TEXT: &str = "A sign-in hashes the password with Argon2id (19 MiB, 2 passes), opens a session on the disk, and signs a token. It is \
    compared with the same hash in a loop on all cores, with its memory used again. This auth service has the default settings of hashing; \
    everywhere else on this page hashing is made cheap, because it is not what is measured.";

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let cores = std::thread::available_parallelism()?.get();
    let strong = StrongAuth::start(stand, cores, "strong", "019b76da84007003").await?;
    let mut meters = stand.deployment.meters.clone();
    meters.push(Meter::of("this auth service", strong.server.id()));
    let sign_ins = CallArm {
        name: "SignIn, 16 callers".to_owned(),
        calls: Arc::new(strong.sign_ins),
        target: stand.target(strong.address.parse()?, 16),
    };
    let alone = HashLoop::new(MEMORY_KIB, ITERATIONS)?;
    let mut arms: [Box<dyn Arm>; 2] = [Box::new(alone), Box::new(sign_ins)];
    let rounds = measure("hashing", &mut arms, &meters, stand.slow_plan()).await?;
    drop(strong.server);
    let (target, ratio) = (Bound::AtLeast(0.95), rounds.ratio(1));
    let goal = Goal::ratio(
        "P5",
        "SignIn ÷ Argon2 alone",
        target,
        ratio,
        rounds.difference(),
    );
    Ok(Chapter {
        title: "Hashing",
        text: TEXT,
        goals: vec![goal],
        rounds: vec![("SignIn".to_owned(), rounds)],
        ..Chapter::default()
    })
}
