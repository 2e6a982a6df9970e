//! The skeleton of a process: the commands that every binary has, and the order in which it starts and stops.
//!
//! A binary describes itself as a [`Program`]; its `main` parses the command line and calls [`run`] and [`exit_code`].

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use clap::Subcommand;
use clock::{Clock, SystemClock};
use futures_util::{FutureExt as _, future::BoxFuture};
use settings::{EX_CONFIG, Listing, Problems, Setting, Settings, Source};
use telemetry::{
    logs::{self, Log, log},
    metrics::Metrics,
    settings::{Telemetry, telemetry},
    trace::{Otlp, Tracing},
};
use tls::Protocols;
use tokio::net::TcpListener;

use crate::{
    healthcheck::HealthcheckTarget,
    ops::{self, Ops},
    settings::{for_healthcheck, listen, ops},
    shutdown,
};

/// The commands that every binary has.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ProcessCommand {
    /// Serve until SIGINT or SIGTERM. This is the default command.
    Serve,
    /// Print every problem of the configuration, and exit with 78 if there is one.
    CheckConfig,
    /// Print each setting with its value, except secrets, and its source.
    PrintConfig,
    /// Check whether the running process is ready, and exit with 0 if it is and 1 if not.
    Healthcheck {
        /// The longest the check may take.
        #[arg(long, default_value = "2s", value_parser = <Duration as Setting>::parse)]
        timeout: Duration,
    },
}

/// The settings that every process has.
#[derive(Debug, Clone)]
pub struct ProcessSettings {
    /// The address that it listens on.
    pub listen: SocketAddr,
    /// How it logs.
    pub log: Log,
    /// What it exports.
    pub telemetry: Telemetry,
    /// Its operations port.
    pub ops: ops::OpsSettings,
    /// All settings as they may be shown, without secrets.
    pub listing: Listing,
}

impl ProcessSettings {
    /// Reads `<section>.listen`, `<section>.ops.listen`, `log.*` and `telemetry.*`. To be called last: the listing has what was read
    /// before.
    pub fn read(settings: &mut Settings, section: &str) -> Option<Self> {
        let listen = listen(settings, section);
        let log = log(settings);
        let telemetry = telemetry(settings);
        let ops = ops(settings, section);
        Some(Self {
            listen: listen?,
            log: log?,
            telemetry: telemetry?,
            ops: ops?,
            listing: settings.listing_for(section),
        })
    }
}

/// What an application is given beside its settings: the time, and where it reports what it does.
#[derive(Debug)]
pub struct Instruments {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where it counts.
    pub metrics: Metrics,
    /// Which calls are traced.
    pub tracing: Tracing,
    /// The operations port, open while it serves.
    pub ops: Ops,
}

impl Instruments {
    /// The clock alone: nothing is counted or traced, and there is no operations port.
    #[must_use]
    pub fn off(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            metrics: Metrics::off(),
            tracing: Tracing::off(),
            ops: Ops::none(),
        }
    }

    /// Those of the service of this name, on the system's clock, as its settings say.
    ///
    /// # Errors
    /// The exporter does not take its settings.
    pub fn of_service(
        service: &'static str,
        ops: Ops,
        otlp: &Otlp,
    ) -> Result<Self, telemetry::trace::StartError> {
        Ok(Self {
            clock: Arc::new(SystemClock),
            metrics: ops.metrics(otlp, service)?,
            tracing: otlp.tracing(service)?,
            ops,
        })
    }
}

/// A binary: its settings, and how it serves.
pub trait Program {
    /// Its name in telemetry.
    const SERVICE: &'static str;
    /// The section of its settings: `auth`.
    const SECTION: &'static str;
    /// The protocols of its listener.
    const PROTOCOLS: Protocols;
    /// Its settings.
    type Config;

    /// Where a process finds its settings.
    fn source() -> Source<'static>;

    /// Reads all of its settings; `None` after every problem was noted.
    fn read(settings: &mut Settings) -> Option<Self::Config>;

    /// The settings that every process has.
    fn process(config: &Self::Config) -> &ProcessSettings;

    /// Serves on the listener until `shutdown` resolves.
    fn serve(
        config: Self::Config,
        instruments: Instruments,
        listener: TcpListener,
        shutdown: BoxFuture<'static, ()>,
    ) -> impl Future<Output = anyhow::Result<()>>;

    /// Asks the running process whether it is ready.
    fn check_health(
        process: HealthcheckTarget,
        timeout: Duration,
    ) -> impl Future<Output = anyhow::Result<()>>;
}

/// Loads all settings of a program.
///
/// # Errors
/// Every problem of the configuration at once.
pub fn load<P: Program>() -> Result<P::Config, Problems> {
    let mut settings = Settings::load(P::source());
    let config = P::read(&mut settings);
    settings.finish(|| config)
}

/// Carries out a command.
///
/// # Errors
/// [`Problems`], or why the process cannot serve or is not ready.
pub async fn run<P: Program>(command: ProcessCommand) -> anyhow::Result<()> {
    match command {
        ProcessCommand::Serve => serve::<P>(load::<P>()?).await,
        ProcessCommand::CheckConfig => {
            load::<P>()?;
            Ok(())
        }
        ProcessCommand::PrintConfig => {
            let config = load::<P>()?;
            Ok(write!(io::stdout(), "{}", P::process(&config).listing)?)
        }
        ProcessCommand::Healthcheck { timeout } => {
            let process = for_healthcheck(P::source(), P::SECTION, P::PROTOCOLS, P::read)?;
            P::check_health(process, timeout).await
        }
    }
}

async fn serve<P: Program>(config: P::Config) -> anyhow::Result<()> {
    let process = P::process(&config).clone();
    logs::init(&process.log)?;
    let shutdown = shutdown::on_signal();
    let address = process.listen;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let otlp = Otlp::start(&process.telemetry)?;
    let ops = Ops::bind(&process.ops, &process.listing).await?;
    let instruments = Instruments::of_service(P::SERVICE, ops, &otlp)?;
    let served = Box::pin(P::serve(config, instruments, listener, shutdown.boxed())).await;
    // Also after a failure: the spans and metrics before it show why.
    otlp.stop();
    served
}

/// The exit code of a process: 78 (`EX_CONFIG`) for problems of the configuration, 1 for any other error. Both are printed on
/// standard error. To be called at the end of `main`: it waits until the log is written, one second at most.
#[must_use]
pub fn exit_code(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    let code = outcome.unwrap_or_else(|error| {
        logs::print(format_args!("{error:#}"));
        if error.is::<Problems>() {
            ExitCode::from(EX_CONFIG)
        } else {
            ExitCode::FAILURE
        }
    });
    logs::flush();
    code
}
