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
    cli::{
        admin::{self, AccountsCommand, AdminCliError},
        keys::{KeysCommand, KeysCommandError},
        restored::{self, RestoredError},
    },
    config::{Config, SECTION},
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
    /// Serve until SIGINT or SIGTERM. This is the default.
    Serve,
    /// Migrate the schema of the database to the version of this binary.
    Migrate,
    /// Print all problems of the configuration, and exit with 78 if there are any.
    CheckConfig,
    /// Print each setting with its value and its source; secrets are not printed.
    PrintConfig,
    /// Ask the running process whether it is ready, and exit with 0 if it is and 1 if it is not.
    Healthcheck {
        /// How long to wait for the answer.
        #[arg(long, default_value = "2s", value_parser = <Duration as Setting>::parse)]
        timeout: Duration,
    },
    /// List, rotate or kill the keys that sign access tokens.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Make administrators, and disable and enable accounts, directly in the database.
    #[command(subcommand)]
    Admin(AccountsCommand),
    /// Run this after a restore from a backup, before the first start: it ends every session, API key and signing key, so that
    /// nothing that was revoked since the backup becomes valid again.
    Restored {
        /// Confirms that everyone must sign in again and that API keys must be made again.
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
            let done = command.run(config, Arc::new(SystemClock)).await;
            return print_outcome(done, KeysCommandError::exit_code);
        }
        Command::Admin(command) => {
            let config = config()?;
            telemetry::init(&config.log)?;
            let done = admin::run(config, &SystemClock, command).await;
            return print_outcome(done, AdminCliError::exit_code);
        }
        Command::Restored { .. } => {
            let config = config()?;
            telemetry::init(&config.log)?;
            let done = restored::run(config, &SystemClock).await;
            return print_outcome(done, RestoredError::exit_code);
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
    // Telemetry is flushed also when serving failed.
    otlp.stop();
    Ok(served?)
}

async fn migrate() -> anyhow::Result<ExitCode> {
    let (log, database) = for_migrate(Config::source(), SECTION, Config::read)?;
    telemetry::init(&log)?;
    Ok(SCHEMA.migrate_command(database.url.expose_secret()).await?)
}

/// Prints what a command has done, or why it has failed.
fn print_outcome<E>(outcome: Result<String, E>, code: impl Fn(&E) -> u8) -> anyhow::Result<ExitCode>
where
    E: std::error::Error + Send + Sync + 'static,
{
    match outcome {
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
