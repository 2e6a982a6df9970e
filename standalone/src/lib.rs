//! Everything in one process: a private PostgreSQL, the auth service, the task service and the gateway.
//!
//! It needs no configuration: what nobody sets it makes for itself and keeps in a folder ([`run`] says what and where).
//! What was confirmed to a client survives the killing of the process at any moment.

mod database;
mod demo;
mod error;
mod folder;
mod metrics;
pub mod next_steps;
mod parts;
mod plan;
mod ports;
mod progress;
mod readiness;
mod secrets;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use embedded_postgres::EmbeddedPostgres;
use shared::{config::Listing, telemetry};
use tokio_util::sync::CancellationToken;

pub use crate::{
    error::Error,
    metrics::known_metrics,
    plan::{DEFAULTS, known_settings},
};
use crate::{
    folder::Folder,
    next_steps::{Addresses, after_start},
    parts::Parts,
    plan::{Made, Plan, database, private_database, wiring},
    ports::Ports,
    progress::Progress,
    secrets::Secrets,
};

/// Runs everything until `stop` is cancelled or a part fails.
///
/// Settings come from where the parts find theirs. Without a database a private PostgreSQL is started in the folder
/// `.tandem`, where the secrets are kept too. Progress goes to standard error; what to type next to standard output, once
/// both services are ready.
///
/// # Errors
/// The first thing that went wrong; all else has been stopped by then.
pub async fn run(stop: &CancellationToken) -> Result<(), Error> {
    let progress = Progress::start();
    let new = Secrets::random();
    let plan = first_plan(&new)?;
    telemetry::init(&plan.log).map_err(|_started| Error::Logging)?;
    let ports = Ports::bind(&plan).await?;
    let folder = Folder::open(&absolute(&plan.directory)?)?;
    let secrets = Secrets::kept_in(&folder, new)?;
    let mut made = [secrets.settings(), wiring(&plan, &ports.addresses)].concat();
    if !plan.needs_postgres() {
        return serve(made, ports, &folder, progress, stop, std::future::pending()).await;
    }
    // Not cut short by a stop: half-started, it could only be left behind.
    let (mut postgres, url) = database::start(&plan, &folder).await?;
    progress.tell("postgres ready");
    made.extend(database(&url));
    let serving = serve(made, ports, &folder, progress, stop, ended(&mut postgres));
    let served = Box::pin(serving).await;
    let stopped = postgres.stop().await;
    progress.tell("postgres stopped");
    served.and(stopped.map_err(Error::from))
}

/// The settings of this process as they may be shown.
///
/// # Errors
/// Everything that is wrong with them.
pub fn settings() -> Result<Listing, Error> {
    Ok(first_plan(&Secrets::random())?.listing)
}

/// Asks the process that runs with the same settings whether it is ready: its gateway, which asks both services.
///
/// # Errors
/// Everything that is wrong with the settings; no answer within the time, or another one than that it is ready.
pub async fn healthcheck(within: Duration) -> Result<(), Error> {
    let plan = first_plan(&Secrets::random())?;
    Ok(plan.gateway.asked().http("/health", within).await?)
}

/// The settings before anything is known of what is made or kept: enough to find every problem in them.
fn first_plan(secrets: &Secrets) -> Result<Plan, Error> {
    let made = [secrets.settings(), private_database()].concat();
    Ok(Plan::of_process(made)?)
}

/// Runs the parts on a database that is there, until `stop`, a part or the database ends.
async fn serve(
    made: Made,
    listeners: Ports,
    folder: &Folder,
    progress: Progress,
    stop: &CancellationToken,
    database_ended: impl Future<Output = Error>,
) -> Result<(), Error> {
    let plan = Plan::of_process(made)?;
    let addresses = listeners.addresses;
    let migrated = stop.run_until_cancelled(database::bring_up_to_date(&plan));
    match migrated.await {
        None => return Ok(()),
        Some(done) => done?,
    }
    progress.tell("schemas ready");
    let mut parts = Parts::start(plan, listeners)?;
    let outcome = tokio::select! {
        () = stop.cancelled() => Ok(()),
        error = parts.failure() => Err(error),
        error = database_ended => Err(error),
        Err(error) = welcome(&addresses, folder, progress) => Err(error),
    };
    progress.tell("stopping");
    let stopped = parts.stop().await;
    progress.tell("gateway and services stopped");
    outcome.and(stopped)
}

/// Waits until all is ready and says what to type next; then never resolves.
async fn welcome(addresses: &Addresses, folder: &Folder, progress: Progress) -> Result<(), Error> {
    let auth = readiness::channel(addresses.auth);
    readiness::wait("auth service", auth.clone()).await?;
    progress.tell("auth service ready");
    readiness::wait("task service", readiness::channel(addresses.task)).await?;
    progress.tell("task service ready");
    let token = demo::access_token(folder, auth).await?;
    let text = after_start(addresses, demo::ACCOUNT, token.as_deref());
    // A closed standard output is no reason to stop serving.
    let _ = writeln!(io::stdout().lock(), "{text}");
    progress.tell("ready");
    std::future::pending().await
}

async fn ended(postgres: &mut EmbeddedPostgres) -> Error {
    Error::PostgresEnded(postgres.ended().await)
}

/// PostgreSQL runs with another working directory.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}
