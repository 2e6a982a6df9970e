//! The gateway as its own process.

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use futures_util::future::BoxFuture;
use gateway::{App, Config, SECTION, SERVICE};
use serving::{
    healthcheck::HealthcheckTarget,
    process::{self, Instruments, ProcessCommand, ProcessSettings, Program},
};
use settings::{Settings, Source};
use tls::Protocols;
use tokio::net::TcpListener;

/// One origin for browsers, in front of the Tandem services.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<ProcessCommand>,
}

struct Gateway;

impl Program for Gateway {
    const SERVICE: &'static str = SERVICE;
    const SECTION: &'static str = SECTION;
    const PROTOCOLS: Protocols = Protocols::Http2AndHttp1;
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
        Ok(App::new(config, instruments)
            .serve(listener, shutdown)
            .await?)
    }

    async fn check_health(process: HealthcheckTarget, timeout: Duration) -> anyhow::Result<()> {
        Ok(process.http("/health", timeout).await?)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(ProcessCommand::Serve);
    let ended = process::run::<Gateway>(command).await;
    process::exit_code(ended.map(|()| ExitCode::SUCCESS))
}
