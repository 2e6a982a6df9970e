//! All parts in one process: a private PostgreSQL, the auth service, the task service and the gateway.
//!
//! It needs no configuration. It creates the database and the secrets that are not set, and keeps them in a folder
//! ([`run`]). What was confirmed to a client is not lost when the process is killed, at any moment.

mod data_folder;
mod demo_account;
mod error;
mod metrics;
pub mod next_steps;
mod parts;
mod plan;
mod ports;
mod private_database;
mod progress;
mod readiness;
mod secrets;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use embedded_postgres::EmbeddedPostgres;
use serving::healthcheck::HealthcheckTarget;
use settings::Listing;
use telemetry::logs;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::{
    data_folder::DataFolder,
    next_steps::{Addresses, DemoAccount, after_start},
    parts::Parts,
    plan::{Generated, Plan, connections_between_parts, database_url, placeholder_database},
    ports::Ports,
    progress::Progress,
    secrets::Secrets,
};
pub use crate::{
    error::Error,
    metrics::known_metrics,
    plan::{DEFAULTS, known_settings},
};

/// Runs everything until `stop` is cancelled or a part fails.
///
/// The settings have the same sources as those of the parts. If no database is set, a private PostgreSQL is started in the
/// folder `.tandem`, where the secrets are kept too. Progress is written to standard error. When both services are ready, the
/// commands to try next are written to standard output.
///
/// # Errors
/// The first error. Everything has been stopped when it is returned.
pub async fn run(stop: &CancellationToken) -> Result<(), Error> {
    let progress = Progress::start();
    let new_secrets = Secrets::random();
    let plan = first_plan(&new_secrets)?;
    logs::init(&plan.log).map_err(|_started| Error::Logging)?;
    let ports = Ports::bind(&plan).await?;
    let folder = DataFolder::open(&absolute(&plan.directory)?)?;
    let secrets = Secrets::load_or_store(&folder, new_secrets)?;
    let generated = [
        secrets.settings(),
        connections_between_parts(&plan, &ports.addresses),
    ]
    .concat();
    if plan.needs_postgres() {
        serve_on_private_postgres(&plan, generated, ports, &folder, progress, stop).await
    } else {
        let never = std::future::pending();
        Box::pin(serve(generated, ports, &folder, progress, stop, never)).await
    }
}

/// Starts the private PostgreSQL, runs the parts on it, and stops it after them.
async fn serve_on_private_postgres(
    plan: &Plan,
    mut generated: Generated,
    listeners: Ports,
    folder: &DataFolder,
    progress: Progress,
    stop: &CancellationToken,
) -> Result<(), Error> {
    // A stop does not interrupt this: a PostgreSQL that is half started could not be stopped and would be left behind.
    let (mut postgres, url) = private_database::start(plan, folder).await?;
    progress.print("postgres ready");
    generated.extend(database_url(&url));
    let ended = postgres_ended(&mut postgres);
    let serving = serve(generated, listeners, folder, progress, stop, ended);
    let served = Box::pin(serving).await;
    let stopped = postgres.stop().await;
    progress.print("postgres stopped");
    served.and(stopped.map_err(Error::from))
}

/// The settings of this process as they may be shown, without secrets.
///
/// # Errors
/// Every problem of the settings.
pub fn settings() -> Result<Listing, Error> {
    Ok(first_plan(&Secrets::random())?.listing)
}

/// Checks whether the process that runs with the same settings is ready. Its gateway answers, after it has checked both
/// services.
///
/// # Errors
/// Every problem of the settings; no answer within `timeout`; an answer that it is not ready.
pub async fn healthcheck(timeout: Duration) -> Result<(), Error> {
    let plan = first_plan(&Secrets::random())?;
    let gateway = HealthcheckTarget {
        listen: plan.gateway.process.listen,
        tls: plan.gateway.tls,
        ops: plan.gateway.process.ops,
    };
    Ok(gateway.http("/health", timeout).await?)
}

/// The settings before the folder was read and before the ports and the database are known. This is enough to find every
/// problem in them.
fn first_plan(secrets: &Secrets) -> Result<Plan, Error> {
    let generated = [secrets.settings(), placeholder_database()].concat();
    Ok(Plan::of_process(generated)?)
}

/// Runs the parts on a running database, until `stop` is cancelled, a part fails or the database ends.
async fn serve(
    generated: Generated,
    listeners: Ports,
    folder: &DataFolder,
    progress: Progress,
    stop: &CancellationToken,
    database_ended: impl Future<Output = Error>,
) -> Result<(), Error> {
    let plan = Plan::of_process(generated)?;
    let addresses = listeners.addresses;
    let migrated = stop.run_until_cancelled(private_database::migrate(&plan));
    match migrated.await {
        None => return Ok(()),
        Some(done) => done?,
    }
    progress.print("schemas ready");
    let mut parts = Parts::start(plan, listeners)?;
    let outcome = tokio::select! {
        () = stop.cancelled() => Ok(()),
        error = parts.failure() => Err(error),
        error = database_ended => Err(error),
        Err(error) = print_next_steps(&addresses, folder, progress) => Err(error),
    };
    progress.print("stopping");
    let stopped = parts.stop().await;
    progress.print("gateway and services stopped");
    outcome.and(stopped)
}

/// Waits until both services are ready and prints the commands to try next. Never resolves, except with an error.
async fn print_next_steps(
    addresses: &Addresses,
    folder: &DataFolder,
    progress: Progress,
) -> Result<(), Error> {
    let auth = readiness::channel(addresses.auth);
    readiness::wait("auth service", auth.clone()).await?;
    progress.print("auth service ready");
    readiness::wait("task service", readiness::channel(addresses.task)).await?;
    progress.print("task service ready");
    let credentials = demo_account::sign_in_or_up(folder, auth).await?;
    let demo = credentials.as_ref().map(|demo| DemoAccount {
        email: demo_account::EMAIL,
        password: &demo.password,
        token: &demo.access_token,
    });
    print(after_start(addresses, demo)).await;
    progress.print("ready");
    std::future::pending().await
}

/// Prints on standard output. A thread of its own waits for the reader, so that a stop does not; it is left behind if the reader stalls.
async fn print(text: String) {
    let (printed, end) = oneshot::channel();
    thread::spawn(move || {
        // The process serves on if standard output is closed, or if this is not awaited any more.
        let _ = writeln!(io::stdout().lock(), "{text}");
        let _ = printed.send(());
    });
    let _ = end.await;
}

async fn postgres_ended(postgres: &mut EmbeddedPostgres) -> Error {
    Error::PostgresEnded(postgres.ended().await)
}

/// The folder's path must be absolute, because PostgreSQL runs with another working directory.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}
