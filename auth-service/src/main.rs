//! Runs the auth service as a process of its own.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use auth_service::{
    App, SCHEMA, SERVICE,
    config::{Config, SECTION},
    keys_command::{KeysCommand, KeysCommandError},
    operator, restoration,
};
use clap::{Parser, Subcommand};
use secrecy::ExposeSecret as _;
use shared::{
    clock::SystemClock,
    config::{Problems, Setting, exit_with, for_healthcheck, for_migrate},
    ops::Ops,
    shutdown, telemetry,
    trace::Otlp,
};
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
        Command::Keys(command) => {
            let config = config()?;
            telemetry::init(&config.log)?;
            let told = command.run(config, Arc::new(SystemClock)).await;
            return tell(told, KeysCommandError::exit_code);
        }
        Command::Admin(command) => {
            let config = config()?;
            telemetry::init(&config.log)?;
            let told = operator::run(config, &SystemClock, command).await;
            return tell(told, operator::Error::exit_code);
        }
        Command::Restored { .. } => {
            let config = config()?;
            telemetry::init(&config.log)?;
            let told = restoration::run(config, &SystemClock).await;
            return tell(told, restoration::Error::exit_code);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config) -> anyhow::Result<()> {
    telemetry::init(&config.log)?;
    let stop = shutdown::on_signal();
    let address = config.listen;
    let otlp = Otlp::start(&config.telemetry)?;
    let tracing = otlp.tracing(SERVICE)?;
    let ops = Ops::bind(&config.ops, &config.listing).await?;
    let metrics = ops.metrics(&otlp, SERVICE)?;
    let app = App::counted(config, Arc::new(SystemClock), &metrics)?
        .with_ops(ops)
        .traced(tracing);
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    let served = app.serve(listener, stop).await;
    // Also when it failed: what led to that is worth having.
    otlp.stop();
    Ok(served?)
}

async fn migrate() -> anyhow::Result<ExitCode> {
    let (log, database) = for_migrate(Config::source(), SECTION, Config::read)?;
    telemetry::init(&log)?;
    Ok(SCHEMA.migrate_command(database.url.expose_secret()).await?)
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
