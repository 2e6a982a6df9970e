//! Runs the auth service as a process of its own.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use auth_service::{
    App, SCHEMA,
    config::Config,
    keys_command::{KeysCommand, KeysCommandError},
    operator, restoration,
};
use clap::{Parser, Subcommand};
use secrecy::ExposeSecret as _;
use shared::{clock::SystemClock, config::exit_with, shutdown, telemetry};
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
    /// After a restore from a backup, before the first start: end every session, API key and signing key, so that nothing
    /// that was revoked since the backup comes back.
    Restored {
        /// Says that you know it: everybody signs in again, and API keys are made anew.
        #[arg(long, required = true)]
        sign_everyone_out: bool,
    },
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
        Command::Migrate => {
            let url = config.database.url.expose_secret();
            return Ok(runtime.block_on(SCHEMA.migrate_command(url))?);
        }
        Command::Keys(command) => {
            let told = runtime.block_on(command.run(config, Arc::new(SystemClock)));
            return tell(told, KeysCommandError::exit_code);
        }
        Command::Admin(command) => {
            let told = runtime.block_on(operator::run(config, &SystemClock, command));
            return tell(told, operator::Error::exit_code);
        }
        Command::Restored { .. } => {
            let told = runtime.block_on(restoration::run(config, &SystemClock));
            return tell(told, restoration::Error::exit_code);
        }
        Command::CheckConfig => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let address = config.listen;
    let app = App::new(config, Arc::new(SystemClock))?;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    app.serve(listener, stop).await?;
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
