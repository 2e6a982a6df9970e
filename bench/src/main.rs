//! Measures real processes, every reply checked: a closed loop of concurrent callers against a fresh stack, or, with
//! `revocations`, how soon every replica refuses what one of them has ended, or, with `telemetry`, what traces cost.
//!
//! It starts the programs that lie beside it, with a folder and ports of their own, so that one command measures and leaves
//! nothing behind.

mod caller;
mod load;
mod replicas;
mod report;
mod revocations;
mod stack;
mod start;
mod telemetry;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::load::Load;

/// Measures a fresh stack under concurrent callers.
#[derive(Debug, Clone, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    load: Load,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Measures, for everything that ends tokens, how soon every replica of the task service refuses them.
    Revocations(revocations::Arguments),
    /// Measures how soon each process is ready, and its memory while nobody calls.
    Start(start::Arguments),
    /// CPU per call with telemetry on ÷ off, of two stacks measured by turns.
    Telemetry(telemetry::Arguments),
}

/// `NAME=VALUE`, as a setting is given.
fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Arguments { command, load } = Arguments::parse();
    let good = match command {
        None => load::run(load).await?,
        Some(Command::Revocations(arguments)) => revocations::run(arguments).await?,
        Some(Command::Start(arguments)) => start::run(arguments).await?,
        Some(Command::Telemetry(arguments)) => telemetry::run(arguments).await?,
    };
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
