//! The task service as a process of its own: configuration, logs, listener, service.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use secrecy::ExposeSecret as _;
use shared::{
    clock::SystemClock,
    config::{Problems, Setting, exit_with, for_healthcheck, for_migrate},
    ops::Ops,
    shutdown, telemetry,
    trace::Otlp,
};
use task_service::{
    App, SCHEMA, SERVICE,
    config::{Config, SECTION},
};
use tokio::net::TcpListener;

/// Every user's tasks, over gRPC.
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
    /// Bring the database's schema to the version this binary needs.
    Migrate,
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
    telemetry::init(&config.log)?;
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
    // Also when it failed: what led to that is worth having.
    otlp.stop();
    Ok(served?)
}

async fn migrate() -> anyhow::Result<ExitCode> {
    let (log, database) = for_migrate(Config::source(), SECTION, Config::read)?;
    telemetry::init(&log)?;
    Ok(SCHEMA.migrate_command(database.url.expose_secret()).await?)
}
