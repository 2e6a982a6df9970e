//! What the tests of private servers share.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::Pid;
use sqlx::{Connection as _, PgConnection};
use testing::Process;

/// The longest that anything here may take, on a busy machine.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// A directory that is removed with this.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A directory that everybody can reach.
    pub(crate) fn new() -> Self {
        let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
        let path = fs::canonicalize("/tmp")
            .unwrap()
            .join(format!("tandem-test-{random:016x}"));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process that owns a server: `with-postgres` and a command that ends when this does.
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
            .wait_for_line(LONG, |line| line.starts_with("url "))
            .await;
        let url = line.strip_prefix("url ").unwrap().to_owned();
        Self { process, url }
    }

    /// Where the server lives, which its socket is below.
    pub(crate) fn home(&self) -> PathBuf {
        let (_, host) = self.url.split_once("host=").unwrap();
        let (socket, _) = host.split_once('&').unwrap();
        Path::new(socket).parent().unwrap().to_owned()
    }
}

/// The process that `postmaster.pid` names.
pub(crate) fn postmaster(home: &Path) -> Option<Pid> {
    let file = fs::read_to_string(home.join("cluster/postmaster.pid")).ok()?;
    Pid::from_raw(file.lines().next()?.trim().parse().ok()?)
}

pub(crate) async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

/// Waits until something holds, and fails the test when it does not in time.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {LONG:?}: {what}");
        tokio::task::yield_now().await;
    }
}
