//! An honest user's calls while somebody else is greedy or slow ÷ without.
//!
//! The honest user calls at fixed times and waits for no earlier answer, so a stall delays all calls that were due in it. The others come
//! from another loopback address. With and without alternate.

mod attacks;
mod greedy;
mod honest;
mod peer;
mod table;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::{
    attacks::{Attack, Attackers},
    honest::{Honest, Measured},
    table::Row,
};
use crate::{memory::kibibytes, stack::BenchStack};

/// How long an attack goes on before the honest user is measured.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long the stack rests after an attack.
const REST: Duration = Duration::from_secs(3);
/// How often the memory is read during an attack.
const MEMORY_INTERVAL: Duration = Duration::from_millis(200);

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct AbuseArguments {
    /// How long each part of a pair takes, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How many pairs (without, with) each kind of abuse gets.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pairs: u32,
    /// Only these kinds; may be repeated.
    #[arg(long = "only", value_enum)]
    only: Vec<Attack>,
    /// A setting of the stack; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = crate::setting)]
    settings: Vec<(String, String)>,
}

/// Measures and prints the results. Returns whether the goals were met.
pub(crate) async fn run(arguments: AbuseArguments) -> anyhow::Result<bool> {
    let attacks = match arguments.only.as_slice() {
        [] => Attack::all(),
        only => only.to_vec(),
    };
    table::print_head(&arguments);
    let mut rows = Vec::new();
    for attack in attacks {
        let row = measure(attack, &arguments).await?;
        row.print();
        rows.push(row);
    }
    table::print_goals();
    rows.iter().for_each(Row::print_refusals);
    Ok(rows.iter().all(Row::meets_the_goals))
}

/// One kind of abuse, on a stack of its own.
async fn measure(attack: Attack, arguments: &AbuseArguments) -> anyhow::Result<Row> {
    let stack = BenchStack::start(attack.name(), &arguments.settings).await?;
    let honest = Honest::new(&stack, attack.hurts_sign_ins()).await?;
    let attackers = Attackers::new(attack, &stack).await?;
    let time = Duration::from_secs(arguments.seconds);
    let (mut without, mut with) = (Measured::default(), Measured::default());
    honest.measure(WARM_UP).await;
    let calm = kibibytes(stack.id(), "VmRSS:")?;
    let mut most = calm;
    for _ in 0..arguments.pairs {
        without.add(honest.measure(time).await);
        let attacking = attackers.begin();
        sleep(WARM_UP).await;
        let memory = most_memory(stack.id(), Instant::now() + time);
        let (part, memory) = tokio::join!(honest.measure(time), memory);
        with.add(part);
        most = most.max(memory?);
        attacking.end().await;
        sleep(REST).await;
    }
    let answers = attackers.answers();
    stack.stop().await;
    Ok(Row {
        attack,
        without,
        with,
        answers,
        growth: most - calm,
    })
}

/// The most memory of a process until this time, in KiB.
async fn most_memory(process: u32, until: Instant) -> anyhow::Result<u64> {
    let mut most = 0;
    while Instant::now() < until {
        most = most.max(kibibytes(process, "VmRSS:")?);
        sleep(MEMORY_INTERVAL).await;
    }
    Ok(most)
}
