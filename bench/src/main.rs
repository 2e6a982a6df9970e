//! A closed loop of concurrent callers against a fresh stack, every reply checked; prints counts and latencies.
//!
//! It starts the `standalone` binary that lies beside it, with a folder and ports of its own, so that one command
//! measures and leaves nothing behind.

mod caller;
mod report;
mod stack;
mod telemetry;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use tokio::{task::JoinSet, time::Instant};

use crate::{caller::Person, report::Report, stack::Stack};

/// Measures a fresh stack under concurrent callers.
#[derive(Debug, Clone, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// How many people call at once, each waiting for one answer before the next call.
    #[arg(long, default_value_t = 100)]
    callers: usize,
    /// For how long, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// A setting of the stack, such as `TANDEM_AUTH__SIGNING__ROTATE_EVERY=1s`; may be given again.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// CPU per call with telemetry on ÷ off, of two stacks measured by turns.
    Telemetry(telemetry::Arguments),
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(Command::Telemetry(arguments)) = arguments.command {
        return telemetry::measure(arguments).await;
    }
    let stack = Stack::start("load", &arguments.settings).await?;
    let people = sign_up(&stack, arguments.callers).await?;
    let until = Instant::now() + Duration::from_secs(arguments.seconds);

    let mut working: JoinSet<Report> = people
        .into_iter()
        .map(|mut person| async move { person.work(until).await })
        .collect();
    let mut report = Report::default();
    while let Some(part) = working.join_next().await {
        report.add(part?);
    }
    stack.stop().await;
    report.print(arguments.callers, Duration::from_secs(arguments.seconds));
    Ok(if report.errors() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Accounts for all callers; a hashing queue that is full for now is waited for, as `RetryInfo` asks.
async fn sign_up(stack: &Stack, callers: usize) -> anyhow::Result<Vec<Person>> {
    let mut people = Vec::with_capacity(callers);
    for number in 0..callers {
        people.push(Person::sign_up(stack, number).await?);
    }
    Ok(people)
}
