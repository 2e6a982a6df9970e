//! The gateway as a process of its own.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use gateway::{App, Config, DEFAULTS, SECTION, SERVICE};
use shared::{
    config::{Log, Source, Telemetry, exit_with},
    trace::Otlp,
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
    let (config, log, telemetry) = match Config::load(Source::of_process(&[DEFAULTS], &[SECTION])) {
        Ok(loaded) => loaded,
        Err(problems) => return Ok(exit_with(&problems)),
    };
    match command {
        Command::Serve => serve(config, &log, &telemetry)?,
        Command::CheckConfig => {}
    }
    Ok(ExitCode::SUCCESS)
}

#[tokio::main]
async fn serve(config: Config, log: &Log, telemetry: &Telemetry) -> anyhow::Result<()> {
    shared::telemetry::init(log)?;
    let stop = shared::shutdown::on_signal();
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let otlp = Otlp::start(telemetry)?;
    let tracing = otlp.tracing(SERVICE)?;
    let app = App::new(config).traced(tracing);
    app.serve(listener, stop).await?;
    otlp.stop();
    Ok(())
}
