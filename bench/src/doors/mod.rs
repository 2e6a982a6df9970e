//! The same call through every door: direct gRPC to the task service, and each protocol of the gateway.
//!
//! Each part is a process of its own, as it is deployed. The callers, their number and their HTTP/2 client are the same for all
//! doors, so a ratio compares only the servers.

mod arm;
mod table;

use std::time::Duration;

pub(crate) use self::arm::{Door, Loop};
use crate::{
    calls::Question,
    deployment::Deployment,
    population::Population,
    rounds::{Arm, Plan, measure},
};

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DoorArguments {
    /// The length of a block, in seconds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How many pairs of blocks (direct, through a door) each door gets.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=100))]
    pairs: u64,
    /// How many callers there are. Each waits for an answer before its next call.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=200))]
    concurrency: u64,
    /// How many callers share an HTTP/2 connection.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=200))]
    streams: u64,
    /// How many threads make the calls.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: u64,
    /// How many users there are. Every call is one of a user chosen at random.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    users: u64,
    /// How many tasks each user has.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(50..=10_000))]
    tasks: u64,
    /// Only these doors, beside direct gRPC; may be repeated.
    #[arg(long = "only", value_enum)]
    only: Vec<Door>,
    /// Only this call.
    #[arg(long, value_enum)]
    call: Option<Question>,
    /// A setting of the services or the gateway; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = crate::setting)]
    settings: Vec<(String, String)>,
}

/// Measures and prints the results. Returns whether the goal was met.
pub(crate) async fn run(arguments: DoorArguments) -> anyhow::Result<bool> {
    let population = Population {
        users: arguments.users,
        tasks: arguments.users * arguments.tasks,
    };
    let deployment = Deployment::start(population, &arguments.settings).await?;
    let plan = Plan {
        rounds: usize::try_from(arguments.pairs)?,
        block: Duration::from_secs(arguments.seconds),
    };
    let callers = Loop {
        callers: usize::try_from(arguments.concurrency)?,
        streams: usize::try_from(arguments.streams)?,
        threads: usize::try_from(arguments.threads)?,
    };
    let mut met = true;
    table::print_head(&arguments);
    for &question in Question::all() {
        if arguments.call.is_some_and(|only| only != question) {
            continue;
        }
        let mut arms: Vec<Box<dyn Arm>> = Vec::new();
        for &door in Door::all() {
            if door.is_wanted(&arguments.only) {
                arms.push(Box::new(door.arm(question, &deployment, callers)?));
            }
        }
        let rounds = measure(question.name(), &mut arms, &deployment.meters, plan).await?;
        met &= table::print(question, &rounds);
    }
    deployment.stop().await?;
    Ok(met)
}
