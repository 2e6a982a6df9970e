//! Runs the auth service as a process of its own.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use auth_service::{
    App, SCHEMA, SERVICE,
    config::Config,
    keys_command::{KeysCommand, KeysCommandError},
    operator,
};
use clap::{Parser, Subcommand};
use secrecy::ExposeSecret as _;
use shared::{clock::SystemClock, config::exit_with, shutdown, telemetry, trace::Otlp};
use tokio::net::TcpListener;

/// Accounts, sessions and tokens over gRPC.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGINT or SIGTERM; the default.
    Serve,
    /// Bring the schema of the database up to date.
    Migrate,
    /// Say everything that is wrong with the configuration.
    CheckConfig,
    /// List, rotate or kill the keys that sign access tokens.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Make, close and open accounts, directly in the database.
    #[command(subcommand)]
    Admin(operator::Command),
}

fn main() -> anyhow::Result<ExitCode> {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    let config = match Config::load(Config::source()) {
        Ok(config) => config,
        Err(problems) => return Ok(exit_with(&problems)),
    };
    if matches!(command, Command::CheckConfig) {
        return Ok(ExitCode::SUCCESS);
    }
    telemetry::init(&config.log)?;
    let stop = shutdown::on_signal();
    let runtime = tokio::runtime::Runtime::new()?;
    match command {
        Command::Serve => runtime.block_on(serve(config, stop))?,
        Command::Migrate => runtime.block_on(bring_up_to_date(&config))?,
        Command::Keys(command) => {
            let told = runtime.block_on(command.run(config, Arc::new(SystemClock)));
            return tell(told, KeysCommandError::exit_code);
        }
        Command::Admin(command) => {
            let told = runtime.block_on(operator::run(config, &SystemClock, command));
            return tell(told, operator::Error::exit_code);
        }
        Command::CheckConfig => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let address = config.listen;
    let otlp = Otlp::start(&config.telemetry)?;
    let tracing = otlp.tracing(SERVICE)?;
    let app = App::new(config, Arc::new(SystemClock))?.traced(tracing);
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    app.serve(listener, stop).await?;
    otlp.stop();
    Ok(())
}

async fn bring_up_to_date(config: &Config) -> anyhow::Result<()> {
    let report = SCHEMA.migrate(config.database.url.expose_secret()).await?;
    tracing::info!(applied = ?report.applied, version = report.version, "the schema is up to date");
    Ok(())
}

/// Tells what a command has done, or why it has done nothing.
fn tell<E>(told: Result<String, E>, code: impl Fn(&E) -> u8) -> anyhow::Result<ExitCode>
where
    E: std::error::Error + Send + Sync + 'static,
{
    match told {
        Ok(done) => {
            writeln!(io::stdout(), "{done}")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let code = code(&error);
            writeln!(io::stderr(), "{:#}", anyhow::Error::new(error))?;
            Ok(ExitCode::from(code))
        }
    }
}
