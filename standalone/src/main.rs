//! Runs everything in one process; needs no configuration.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use shared::shutdown;
use standalone::Error;
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
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => serve(),
        Command::CheckConfig => standalone::check_settings(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn serve() -> Result<(), Error> {
    let told = shutdown::on_signal();
    let runtime = tokio::runtime::Runtime::new().expect("the system has threads left at start");
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let signalled = stop.clone();
        tokio::spawn(async move {
            told.await;
            signalled.cancel();
        });
        Box::pin(standalone::run(&stop)).await
    })
}
