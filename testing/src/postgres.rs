//! A PostgreSQL server that belongs to one test and can be killed, stopped and started again.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use embedded_postgres::{EmbeddedPostgres, Settings};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection as _, PgConnection};

use crate::{blocking, folder::Folder};

/// A private server on a Unix socket. Its data is removed with this value.
///
/// It waits for the disk at each commit, so a confirmed write survives [`PostgresServer::kill`].
#[derive(Debug)]
pub struct PostgresServer {
    /// `None` while the server is stopped.
    running: Mutex<Option<EmbeddedPostgres>>,
    url: String,
    socket: PathBuf,
    data: PathBuf,
    folder: Folder,
}

impl PostgresServer {
    /// Starts a server on empty data and waits until it accepts connections.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        let folder = Folder::new();
        let running = start_in(&folder);
        Self {
            url: running.url("postgres"),
            socket: running.socket(),
            data: running.directory().to_owned(),
            running: Mutex::new(Some(running)),
            folder,
        }
    }

    /// The URL of the database `postgres`, for the superuser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The Unix socket that it listens on.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// A new connection to the database `postgres`.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn connect(&self) -> PgConnection {
        let connected = PgConnection::connect(&self.url).await;
        connected.unwrap_or_else(|error| panic!("cannot connect to {}: {error}", self.url))
    }

    /// Kills the server (SIGKILL), as a crash would.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&self) {
        let postmaster = postmaster(&self.data).expect("the server runs");
        kill_process(postmaster, Signal::KILL).expect("the test owns the server");
    }

    /// Stops the server, as an administrator would: connections are closed and open transactions are rolled back.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn stop(&self) {
        stop(&mut self.running());
    }

    /// Starts the server again after [`PostgresServer::kill`] or [`PostgresServer::stop`], on the same data and the same
    /// socket. Returns when it accepts connections.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn restart(&self) {
        let mut running = self.running();
        stop(&mut running);
        *running = Some(start_in(&self.folder));
    }

    fn running(&self) -> MutexGuard<'_, Option<EmbeddedPostgres>> {
        self.running
            .lock()
            .expect("no thread panics while holding it")
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Ok(running) = self.running.get_mut() {
            stop(running);
        }
    }
}

fn start_in(folder: &Folder) -> EmbeddedPostgres {
    let settings = Settings::durable(folder.path("postgres"));
    let started = blocking::run(EmbeddedPostgres::start(settings));
    started.unwrap_or_else(|error| panic!("the test's server does not start: {error}"))
}

/// Also needed after a crash: it removes the processes that are left, and releases the lock on the data.
fn stop(running: &mut Option<EmbeddedPostgres>) {
    if let Some(running) = running.take() {
        let stopped = blocking::run(running.stop());
        stopped.unwrap_or_else(|error| panic!("the test's server does not stop: {error}"));
    }
}

/// The first process of the PostgreSQL that keeps its data in `directory/cluster`. `None` if its `postmaster.pid` names none.
#[must_use]
pub fn postmaster(directory: &Path) -> Option<Pid> {
    let file = fs::read_to_string(directory.join("cluster/postmaster.pid")).ok()?;
    Pid::from_raw(file.lines().next()?.trim().parse().ok()?)
}
