//! Runs all parts in one process. Needs no configuration.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};
use serving::shutdown;
use settings::{Listing, Setting};
use standalone::Error;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// PostgreSQL, the auth service, the task service and the gateway in one process.
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
    // If standard output is closed, nobody reads it.
    let _ = write!(io::stdout(), "{settings}");
}

fn runtime() -> Runtime {
    Runtime::new().expect("the system can start the runtime's threads")
}

fn healthcheck(timeout: Duration) -> Result<(), Error> {
    runtime().block_on(standalone::healthcheck(timeout))
}

fn serve() -> Result<(), Error> {
    let signal = shutdown::on_signal();
    runtime().block_on(async {
        let stop = CancellationToken::new();
        let stop_on_signal = stop.clone();
        tokio::spawn(async move {
            signal.await;
            stop_on_signal.cancel();
        });
        Box::pin(standalone::run(&stop)).await
    })
}
