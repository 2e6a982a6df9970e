//! Runs the auth service as a process of its own.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

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
use clock::SystemClock;
use database::settings::for_migrate;
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use serving::healthcheck::HealthcheckTarget;
use serving::process::{self, Instruments, ProcessCommand, ProcessSettings, Program};
use settings::{Settings, Source};
use telemetry::logs;
use tls::Protocols;
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
    #[command(flatten)]
    Process(ProcessCommand),
    /// Migrate the schema of the database to the version of this binary.
    Migrate,
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

struct AuthService;

impl Program for AuthService {
    const SERVICE: &'static str = SERVICE;
    const SECTION: &'static str = SECTION;
    const PROTOCOLS: Protocols = Protocols::Http2;
    type Config = Config;

    fn source() -> Source<'static> {
        Config::source()
    }

    fn read(settings: &mut Settings) -> Option<Config> {
        Config::read(settings)
    }

    fn process(config: &Config) -> &ProcessSettings {
        &config.process
    }

    async fn serve(
        config: Config,
        instruments: Instruments,
        listener: TcpListener,
        shutdown: BoxFuture<'static, ()>,
    ) -> anyhow::Result<()> {
        Ok(App::new(config, instruments)?
            .serve(listener, shutdown)
            .await?)
    }

    async fn check_health(process: HealthcheckTarget, timeout: Duration) -> anyhow::Result<()> {
        Ok(process.grpc(timeout).await?)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let serve = Command::Process(ProcessCommand::Serve);
    process::exit_code(run(Arguments::parse().command.unwrap_or(serve)).await)
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Process(command) => process::run::<AuthService>(command).await?,
        Command::Migrate => return migrate().await,
        Command::Keys(command) => {
            let done = command.run(load()?, Arc::new(SystemClock)).await;
            return print_outcome(done, KeysCommandError::exit_code);
        }
        Command::Admin(command) => {
            let done = admin::run(load()?, &SystemClock, command).await;
            return print_outcome(done, AdminCliError::exit_code);
        }
        Command::Restored { .. } => {
            let done = restored::run(load()?, &SystemClock).await;
            return print_outcome(done, RestoredError::exit_code);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// All settings, with logging started as they say.
fn load() -> anyhow::Result<Config> {
    let config = process::load::<AuthService>()?;
    logs::init(&config.process.log)?;
    Ok(config)
}

async fn migrate() -> anyhow::Result<ExitCode> {
    let (log, database) = for_migrate(Config::source(), SECTION, Config::read)?;
    logs::init(&log)?;
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
            logs::print(format_args!("{:#}", anyhow::Error::new(error)));
            Ok(ExitCode::from(code))
        }
    }
}
