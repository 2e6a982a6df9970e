//! Measures real processes and checks every reply. Without a command, concurrent callers load a fresh stack in a closed loop.
//! `abuse` measures an honest user while somebody else is greedy or slow. `doors` measures the same call through every protocol. `revocations` measures how soon every replica refuses a token that one of them has ended. `start` measures how soon each
//! process is ready. `telemetry` measures the cost of traces.
//!
//! It starts the programs in its own folder, with a temporary folder and free ports, so one command measures and leaves no files.

mod abuse;
mod arms;
mod caller;
mod calls;
mod cpu;
mod deployment;
mod doors;
mod echo;
mod generator;
mod goals;
mod load;
mod machine;
mod memory;
mod page;
mod population;
mod programs;
mod random;
mod replicas;
mod report;
mod revocations;
mod rounds;
mod seed_stack;
mod stack;
mod start;
mod statistics;
mod telemetry;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::load::LoadArguments;

/// Measures a fresh stack under concurrent callers.
#[derive(Debug, Clone, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct BenchArguments {
    #[command(subcommand)]
    command: Option<BenchCommand>,
    #[command(flatten)]
    load: LoadArguments,
}

#[derive(Debug, Clone, Subcommand)]
enum BenchCommand {
    /// Measures an honest user with and without each kind of abuse by somebody else.
    Abuse(abuse::AbuseArguments),
    /// Measures the same call through every door: direct gRPC, and each protocol of the gateway (goal P12).
    Doors(doors::DoorArguments),
    /// Serves the smallest gRPC server, which `goals` compares with.
    #[command(hide = true)]
    Echo(echo::EchoArguments),
    /// Measures all goals for speed and memory, and writes docs/benchmarks.md.
    Goals(goals::GoalArguments),
    /// Measures how soon every replica of the task service refuses a token, for each cause that can end one.
    Revocations(revocations::RevocationArguments),
    /// Measures how soon each process is ready, and its memory while it is idle.
    Start(start::StartArguments),
    /// Measures the CPU time per call with telemetry ÷ without, of two stacks in turn.
    Telemetry(telemetry::TelemetryArguments),
}

/// Parses a setting, given as `NAME=VALUE`.
fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let BenchArguments { command, load } = BenchArguments::parse();
    let passed = match command {
        None => load::run(load).await?,
        Some(BenchCommand::Abuse(arguments)) => abuse::run(arguments).await?,
        Some(BenchCommand::Doors(arguments)) => doors::run(arguments).await?,
        Some(BenchCommand::Echo(arguments)) => echo::run(arguments).await?,
        Some(BenchCommand::Goals(arguments)) => goals::run(arguments).await?,
        Some(BenchCommand::Revocations(arguments)) => revocations::run(arguments).await?,
        Some(BenchCommand::Start(arguments)) => start::run(arguments).await?,
        Some(BenchCommand::Telemetry(arguments)) => telemetry::run(arguments).await?,
    };
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
