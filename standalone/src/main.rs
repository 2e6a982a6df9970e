//! Runs everything in one process; needs no configuration.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};
use shared::{
    config::{Listing, Setting},
    shutdown,
};
use standalone::Error;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// Postgres, the auth service, the task service and the gateway in one process.
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
    let ended = match Arguments::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => serve(),
        Command::CheckConfig => standalone::settings().map(drop),
        Command::PrintConfig => standalone::settings().map(|settings| print(&settings)),
        Command::Healthcheck { timeout } => healthcheck(timeout),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn print(settings: &Listing) {
    // Nobody reads what cannot be written.
    let _ = write!(io::stdout(), "{settings}");
}

fn runtime() -> Runtime {
    Runtime::new().expect("the system has threads left at start")
}

fn healthcheck(timeout: Duration) -> Result<(), Error> {
    runtime().block_on(standalone::healthcheck(timeout))
}

fn serve() -> Result<(), Error> {
    let told = shutdown::on_signal();
    runtime().block_on(async {
        let stop = CancellationToken::new();
        let signalled = stop.clone();
        tokio::spawn(async move {
            told.await;
            signalled.cancel();
        });
        Box::pin(standalone::run(&stop)).await
    })
}
