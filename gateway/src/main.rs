//! The gateway as a process of its own.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use gateway::{App, Config, SERVICE};
use shared::{
    config::{Setting, exit_with},
    ops::Ops,
    shutdown, telemetry,
    trace::Otlp,
};
use tokio::net::TcpListener;

/// One origin for browsers in front of the Tandem services.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Serve until SIGINT or SIGTERM. This is what happens without a command.
    Serve,
    /// Say everything that is wrong with the configuration, and exit with 78 if anything is.
    CheckConfig,
    /// Show each setting with its value, but no secrets, and where it came from.
    PrintConfig,
    /// Ask the running process whether it is ready, and exit with 0 if it is and 1 if not.
    Healthcheck {
        /// How long the answer may take.
        #[arg(long, default_value = "2s", value_parser = <Duration as Setting>::parse)]
        timeout: Duration,
    },
}

fn main() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    let config = match Config::load(Config::source()) {
        Ok(config) => config,
        Err(problems) => return exit_with(&problems),
    };
    match run(command, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(command: Command, config: Config) -> anyhow::Result<()> {
    match command {
        Command::Serve => serve(config).await,
        Command::CheckConfig => Ok(()),
        Command::PrintConfig => Ok(write!(io::stdout(), "{}", config.listing)?),
        Command::Healthcheck { timeout } => Ok(config.asked().http("/health", timeout).await?),
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    telemetry::init(&config.log)?;
    let stop = shutdown::on_signal();
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let otlp = Otlp::start(&config.telemetry)?;
    let tracing = otlp.tracing(SERVICE)?;
    let ops = Ops::bind(&config.ops, &config.listing).await?;
    let metrics = ops.metrics(&otlp, SERVICE)?;
    let app = App::counted(config, &metrics).with_ops(ops).traced(tracing);
    let served = app.serve(listener, stop).await;
    // Also when it failed: what led to that is worth having.
    otlp.stop();
    Ok(served?)
}
