//! The task service as its own process.

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use database::settings::for_migrate;
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use serving::{
    healthcheck::HealthcheckTarget,
    process::{self, Instruments, ProcessCommand, ProcessSettings, Program},
};
use settings::{Settings, Source};
use task_service::{
    App, SCHEMA, SERVICE,
    config::{Config, SECTION},
};
use telemetry::logs;
use tls::Protocols;
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
    #[command(flatten)]
    Process(ProcessCommand),
    /// Migrate the database schema to the version of this binary.
    Migrate,
}

struct TaskService;

impl Program for TaskService {
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
        Command::Process(command) => process::run::<TaskService>(command).await?,
        Command::Migrate => return migrate().await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn migrate() -> anyhow::Result<ExitCode> {
    let (log, database) = for_migrate(Config::source(), SECTION, Config::read)?;
    logs::init(&log)?;
    Ok(SCHEMA.migrate_command(database.url.expose_secret()).await?)
}
