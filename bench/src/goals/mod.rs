//! All goals for speed and memory, measured in one run, and the page about them.

mod callers;
mod chain;
mod changing;
mod chapter;
mod flood;
mod goal;
mod hashing;
mod live;
mod overload;
mod paging;
mod protocols;
mod reading;
mod refreshing;
mod seed;
mod starting;
mod statements;
mod strong;

use std::{path::PathBuf, time::Duration};

use clap::ValueEnum;
use testing::Folder;

pub(crate) use self::{
    chapter::{Chapter, Stand},
    goal::Goal,
};
use crate::{
    deployment::Deployment,
    goals::goal::Verdict,
    machine::Machine,
    page::{self, Measurement},
    population::Population,
    rounds::Plan,
};

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct GoalArguments {
    /// A short run with less data. Its figures are only a hint.
    #[arg(long)]
    quick: bool,
    /// The length of a block, in seconds.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: Option<u64>,
    /// How many rounds each part has.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100))]
    pairs: Option<u64>,
    /// How many users there are.
    #[arg(long, value_parser = clap::value_parser!(u64).range(100..=10_000))]
    users: Option<u64>,
    /// How many tasks each of them has.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(60..=5_000))]
    tasks: u64,
    /// How many threads make calls.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: u64,
    /// Only these parts; may be repeated.
    #[arg(long = "only", value_enum)]
    only: Vec<Part>,
    /// The page to write. Its plots go into a folder of the same name.
    #[arg(long, default_value = "docs/benchmarks.md")]
    page: PathBuf,
    /// A setting of the services or the gateway; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = crate::setting)]
    settings: Vec<(String, String)>,
}

/// The parts, in the order in which they are measured: what writes comes after what reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Reading,
    Chain,
    Protocols,
    Overload,
    Hashing,
    Flood,
    Changing,
    Callers,
    Refreshing,
    Seed,
    Paging,
    Starting,
    Live,
}

impl Part {
    async fn measure(self, stand: &Stand) -> anyhow::Result<Chapter> {
        match self {
            Self::Reading => reading::chapter(stand).await,
            Self::Chain => chain::chapter(stand).await,
            Self::Protocols => protocols::chapter(stand).await,
            Self::Overload => overload::chapter(stand).await,
            Self::Flood => flood::chapter(stand).await,
            Self::Callers => callers::chapter(stand).await,
            Self::Hashing => hashing::chapter(stand).await,
            Self::Changing => changing::chapter(stand).await,
            Self::Refreshing => refreshing::chapter(stand).await,
            Self::Seed => seed::chapter(stand).await,
            Self::Paging => paging::chapter(stand).await,
            Self::Starting => starting::chapter(stand).await,
            Self::Live => Ok(live::chapter()),
        }
    }
}

/// Measures, prints the goals and writes the page. Returns whether all goals were met.
pub(crate) async fn run(arguments: GoalArguments) -> anyhow::Result<bool> {
    let users = arguments
        .users
        .unwrap_or(if arguments.quick { 1_000 } else { 10_000 });
    let tasks = users * arguments.tasks;
    let deployment = Deployment::start(Population { users, tasks }, &arguments.settings).await?;
    let machine = Machine::read(&deployment.database).await?;
    let (pairs, seconds) = if arguments.quick { (2, 1) } else { (6, 2) };
    let plan = Plan {
        rounds: usize::try_from(arguments.pairs.unwrap_or(pairs))?,
        block: Duration::from_secs(arguments.seconds.unwrap_or(seconds)),
    };
    let stand = Stand {
        deployment,
        plan,
        threads: usize::try_from(arguments.threads)?,
        folder: Folder::new(),
        quick: arguments.quick,
    };
    let measurement = Measurement {
        machine: &machine,
        plan,
        users,
        tasks,
        quick: arguments.quick,
    };
    let mut chapters = Vec::new();
    for part in Part::value_variants() {
        if arguments.only.is_empty() || arguments.only.contains(part) {
            let chapter = part.measure(&stand).await?;
            print(&chapter);
            chapters.push(chapter);
            // After each part, so that what was measured is there if a later one fails.
            page::write(&arguments.page, &measurement, &chapters)?;
        }
    }
    stand.deployment.stop().await?;
    let goals = chapters.iter().flat_map(|chapter| &chapter.goals);
    let mut verdicts = goals.map(Goal::verdict);
    Ok(verdicts.all(|verdict| matches!(verdict, Verdict::Met | Verdict::NotYet)))
}

#[expect(
    clippy::print_stdout,
    reason = "the goals are what this program is for"
)]
fn print(chapter: &Chapter) {
    for goal in &chapter.goals {
        let (figure, difference) = goal.figures();
        println!(
            "{} {}: {figure}, target {}, A/A {difference}: {}",
            goal.number,
            goal.text,
            goal.target,
            goal.verdict()
        );
    }
}
