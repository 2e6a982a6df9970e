//! The gateway as its own process.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use gateway::{App, Config, SERVICE};
use serving::{ops::Ops, shutdown};
use settings::{Setting, exit_with};
use telemetry::{logs, trace::Otlp};
use tokio::net::TcpListener;

/// One origin for browsers, in front of the Tandem services.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Serve until SIGINT or SIGTERM. This is the default command.
    Serve,
    /// Print every problem of the configuration, and exit with 78 if there is one.
    CheckConfig,
    /// Print each setting with its value, except secrets, and its source.
    PrintConfig,
    /// Check whether the running process is ready, and exit with 0 if it is and 1 if not.
    Healthcheck {
        /// The longest the check may take.
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
    logs::init(&config.log)?;
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
    // Also after a failure: the telemetry that led to it is exported.
    otlp.stop();
    Ok(served?)
}
