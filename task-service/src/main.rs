//! The task service as a process: reads the configuration, starts logging, opens the listener, serves.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use clock::SystemClock;
use database::settings::for_migrate;
use secrecy::ExposeSecret as _;
use serving::{ops::Ops, settings::for_healthcheck, shutdown};
use settings::{Problems, Setting, exit_with};
use task_service::{
    App, SCHEMA, SERVICE,
    config::{Config, SECTION},
};
use telemetry::{logs, trace::Otlp};
use tokio::net::TcpListener;

/// Stores the tasks of every user, over gRPC.
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
    /// Migrate the database schema to the version of this binary.
    Migrate,
    /// Print every problem with the configuration; the exit code is 78 if there is any.
    CheckConfig,
    /// Print each setting with its value and source, without secrets.
    PrintConfig,
    /// Check whether the running process is ready; the exit code is 0 if it is and 1 if not.
    Healthcheck {
        /// The longest time to wait for the answer.
        #[arg(long, default_value = "2s", value_parser = <Duration as Setting>::parse)]
        timeout: Duration,
    },
}

fn main() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    run(command).unwrap_or_else(|error| match error.downcast::<Problems>() {
        Ok(problems) => exit_with(&problems),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    })
}

#[tokio::main]
async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let config = || Config::load(Config::source());
    match command {
        Command::Serve => serve(config()?).await?,
        Command::Migrate => return migrate().await,
        Command::CheckConfig => drop(config()?),
        Command::PrintConfig => write!(io::stdout(), "{}", config()?.listing)?,
        Command::Healthcheck { timeout } => {
            let process = for_healthcheck(Config::source(), SECTION, Config::read)?;
            process.grpc(timeout).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config) -> anyhow::Result<()> {
    logs::init(&config.log)?;
    let shutdown = shutdown::on_signal();
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let otlp = Otlp::start(&config.telemetry)?;
    let tracing = otlp.tracing(SERVICE)?;
    let ops = Ops::bind(&config.ops, &config.listing).await?;
    let metrics = ops.metrics(&otlp, SERVICE)?;
    let app = App::counted(config, Arc::new(SystemClock), &metrics)?
        .with_ops(ops)
        .traced(tracing);
    let served = app.serve(listener, shutdown).await;
    // Also after a failure: the spans and metrics before it show why.
    otlp.stop();
    Ok(served?)
}

async fn migrate() -> anyhow::Result<ExitCode> {
    let (log, database) = for_migrate(Config::source(), SECTION, Config::read)?;
    logs::init(&log)?;
    Ok(SCHEMA.migrate_command(database.url.expose_secret()).await?)
}
