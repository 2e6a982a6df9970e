//! P5: `SignIn` ÷ Argon2 alone.

use std::sync::Arc;

use super::{
    chapter::{Chapter, Stand},
    goal::{Bound, Goal},
};
use crate::{
    arms::{CallArm, HashLoop},
    calls::SignIns,
    cpu::Meter,
    deployment::sign_up,
    population::Copies,
    programs::{Server, free_address, ready},
    rounds::{Arm, measure},
};

/// OWASP's minimum, which is the default of the service.
const MEMORY_KIB: u32 = 19_456;
const ITERATIONS: u32 = 2;
const TEXT: &str = "A sign-in hashes the password with Argon2id (19 MiB, 2 passes), opens a session on the disk, and signs a token. It is \
    compared with the same hash in a loop on all cores, with its memory used again. This auth service has the default settings of hashing; \
    everywhere else on this page hashing is made cheap, because it is not what is measured.";
const TEMPLATE: &str = "strong@example.test";
const NAME: &str = "strong";
const PREFIX: &str = "019b76da84007003";
const ACCOUNTS: u64 = 256;

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let (address, server) = start(stand)?;
    sign_up(&ready(&address).await?, TEMPLATE).await?;
    let accounts = Copies {
        template: TEMPLATE,
        prefix: PREFIX,
        name: NAME,
        number: ACCOUNTS,
    };
    accounts.load(&stand.deployment.database).await?;
    let mut meters = stand.deployment.meters.clone();
    meters.push(Meter::of("this auth service", server.id()));
    let sign_ins = CallArm {
        name: "SignIn, 16 callers".to_owned(),
        calls: Arc::new(SignIns::new(&address, PREFIX, NAME, ACCOUNTS)?),
        target: stand.target(address.parse()?, 16),
    };
    let alone = HashLoop::new(MEMORY_KIB, ITERATIONS)?;
    let mut arms: [Box<dyn Arm>; 2] = [Box::new(alone), Box::new(sign_ins)];
    let rounds = measure("hashing", &mut arms, &meters, stand.slow_plan()).await?;
    drop(server);
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

/// Starts the auth service, and returns its address.
fn start(stand: &Stand) -> anyhow::Result<(String, Server)> {
    let (address, ops) = (free_address()?, free_address()?);
    let cores = std::thread::available_parallelism()?.get();
    let settings = [
        ("TANDEM_AUTH__LISTEN", address.clone()),
        ("TANDEM_AUTH__OPS__LISTEN", ops),
        ("TANDEM_AUTH__HASH__MEMORY_KIB", MEMORY_KIB.to_string()),
        ("TANDEM_AUTH__HASH__ITERATIONS", ITERATIONS.to_string()),
        ("TANDEM_AUTH__HASH__THREADS", cores.to_string()),
    ];
    let server = stand.deployment.programs.serve("auth-service", &settings)?;
    Ok((address, server))
}
