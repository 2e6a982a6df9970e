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
    config::{Setting, exit_with},
    ops::Ops,
    shutdown, telemetry,
};
use task_service::{App, SCHEMA, config::Config};
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
    let config = match Config::load(Config::source()) {
        Ok(config) => config,
        Err(problems) => return exit_with(&problems),
    };
    match run(command, config) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => serve(config).await?,
        Command::Migrate => return migrate(&config).await,
        Command::CheckConfig => {}
        Command::PrintConfig => write!(io::stdout(), "{}", config.listing)?,
        Command::Healthcheck { timeout } => config.asked().grpc(timeout).await?,
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
    let ops = Ops::bind(&config.ops, &config.listing).await?;
    let metrics = ops.metrics("tandem-task", env!("CARGO_PKG_VERSION"));
    let app = App::counted(config, Arc::new(SystemClock), &metrics)?.with_ops(ops);
    Ok(app.serve(listener, shutdown).await?)
}

async fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    telemetry::init(&config.log)?;
    let url = config.database.url.expose_secret();
    Ok(SCHEMA.migrate_command(url).await?)
}
