//! Runs all parts in one process. Needs no configuration.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use serving::{process::ProcessCommand, shutdown};
use settings::Listing;
use standalone::Error;
use telemetry::logs;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// PostgreSQL, the auth service, the task service and the gateway in one process.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<ProcessCommand>,
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().command.unwrap_or(ProcessCommand::Serve) {
        ProcessCommand::Serve => serve(),
        ProcessCommand::CheckConfig => standalone::settings().map(drop),
        ProcessCommand::PrintConfig => standalone::settings().map(|settings| print(&settings)),
        ProcessCommand::Healthcheck { timeout } => healthcheck(timeout),
    };
    let code = match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logs::print(&error);
            ExitCode::from(error.exit_code())
        }
    };
    logs::flush();
    code
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
