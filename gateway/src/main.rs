//! The gateway as a process of its own.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use gateway::{App, Config, DEFAULTS, SECTION};
use shared::{
    config::{Log, Source, exit_with},
    ops::Ops,
};
use tokio::net::TcpListener;

/// One origin for browsers in front of the Tandem services.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until told to stop (the default).
    Serve,
    /// Check the configuration: print every problem and exit with 78, or exit with 0.
    CheckConfig,
}

fn main() -> anyhow::Result<ExitCode> {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    let (config, log) = match Config::load(Source::of_process(&[DEFAULTS], &[SECTION])) {
        Ok(loaded) => loaded,
        Err(problems) => return Ok(exit_with(&problems)),
    };
    match command {
        Command::Serve => serve(config, &log)?,
        Command::CheckConfig => {}
    }
    Ok(ExitCode::SUCCESS)
}

#[tokio::main]
async fn serve(config: Config, log: &Log) -> anyhow::Result<()> {
    shared::telemetry::init(log)?;
    let stop = shared::shutdown::on_signal();
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let ops = Ops::bind(&config.ops).await.with_context(|| {
        format!(
            "cannot open the operations port (gateway.ops.listen) on {:?}",
            config.ops.listen
        )
    })?;
    let metrics = ops.metrics("tandem-gateway", env!("CARGO_PKG_VERSION"));
    let app = App::counted(config, &metrics).with_ops(ops);
    app.serve(listener, stop).await?;
    Ok(())
}
