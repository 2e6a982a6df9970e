//! The task service as a process of its own: configuration, logs, listener, service.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use secrecy::ExposeSecret as _;
use shared::{clock::SystemClock, config::exit_with, shutdown, telemetry, trace::Otlp};
use task_service::{App, SCHEMA, SERVICE, config::Config};
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
        Command::Migrate => {
            telemetry::init(&config.log)?;
            let report = SCHEMA.migrate(config.database.url.expose_secret()).await?;
            tracing::info!(applied = ?report.applied, version = ?report.version, "the schema is up to date");
            Ok(())
        }
        Command::CheckConfig => Ok(()),
    }
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
    let app = App::new(config, Arc::new(SystemClock))?.traced(tracing);
    app.serve(listener, shutdown).await?;
    otlp.stop();
    Ok(())
}
