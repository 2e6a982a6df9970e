//! What the tests of private servers share.

use std::{
    env,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use embedded_postgres::{EmbeddedPostgres, Settings};
use sqlx::{Connection as _, PgConnection};
use testing::{Folder, Process};

/// How long a step may take on a busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(1);

/// A process that owns a server: `with-postgres` with a command that ends when this value is dropped.
pub(crate) struct Owner {
    pub(crate) process: Process,
    pub(crate) url: String,
}

impl Owner {
    pub(crate) async fn durable(directory: &Path) -> Self {
        Self::start(&["--directory", directory.to_str().unwrap()]).await
    }

    pub(crate) async fn throwaway() -> Self {
        Self::start(&[]).await
    }

    async fn start(arguments: &[&str]) -> Self {
        let command = [
            "--",
            "/bin/sh",
            "-c",
            "echo \"url $TEST_POSTGRES\"; read -r _",
        ];
        let arguments = arguments.iter().chain(&command);
        let process = Process::spawn(env!("CARGO_BIN_EXE_with-postgres"), arguments, []);
        let line = process
            .wait_for_line(TIMEOUT, |line| line.starts_with("url "))
            .await;
        let url = line.strip_prefix("url ").unwrap().to_owned();
        Self { process, url }
    }

    /// The directory of the server, which contains its socket directory.
    pub(crate) fn directory(&self) -> PathBuf {
        let (_, host) = self.url.split_once("host=").unwrap();
        let (socket, _) = host.split_once('&').unwrap();
        Path::new(socket).parent().unwrap().to_owned()
    }
}

/// Starts a server with durable data in the folder.
pub(crate) async fn start_durable(folder: &Folder) -> EmbeddedPostgres {
    EmbeddedPostgres::start(Settings::durable(folder.root()))
        .await
        .unwrap()
}

/// Starts a server whose data is removed when it stops.
pub(crate) async fn start_throwaway() -> EmbeddedPostgres {
    EmbeddedPostgres::start(Settings::throwaway())
        .await
        .unwrap()
}

/// Creates a cluster in the folder, by starting and stopping a server.
pub(crate) async fn create_cluster(folder: &Folder) {
    start_durable(folder).await.stop().await.unwrap();
}

pub(crate) async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

/// Waits until a condition holds. Fails the test when it does not hold in time.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {TIMEOUT:?}: {what}");
        tokio::task::yield_now().await;
    }
}
