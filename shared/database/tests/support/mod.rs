//! A real PostgreSQL for one test: its own data folder, a Unix socket and nothing else, gone with the value.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use database::Settings;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::SecretString;
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Executor as _};

static NEXT: AtomicU32 = AtomicU32::new(0);

#[derive(Debug)]
pub(crate) struct Postgres {
    folder: PathBuf,
    /// Whom to become: PostgreSQL refuses to run as root.
    user: Option<(u32, u32)>,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lanes-test-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let user = (id(&["-u"]) == Some(0)).then(|| {
            (
                id(&["-u", "postgres"]).unwrap(),
                id(&["-g", "postgres"]).unwrap(),
            )
        });
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).unwrap();
        }
        let server = Self { folder, user };
        let data = server.data();
        server.expect(
            "initdb",
            &["-N", "-A", "trust", "-U", "postgres", "-D", &data],
        );
        server.restart();
        server
    }

    /// Starts the server after [`kill`](Self::kill).
    pub(crate) fn restart(&self) {
        let socket = self.folder.display();
        let options = format!(
            "-k {socket} -c listen_addresses= -c fsync=off -c shared_buffers=16MB -c max_connections=60"
        );
        let log = self.folder.join("log").display().to_string();
        let data = self.data();
        let start = ["start", "-w", "-D", &data, "-l", &log, "-o", &options];
        // A server killed a moment ago may still have children that hold its memory.
        let started = (0..50).any(|_| self.command("pg_ctl", &start));
        assert!(
            started,
            "{}",
            std::fs::read_to_string(&log).unwrap_or_default()
        );
    }

    /// Ends the server with SIGKILL.
    pub(crate) fn kill(&self) {
        let file = std::fs::read_to_string(Path::new(&self.data()).join("postmaster.pid")).unwrap();
        let pid = file.lines().next().unwrap().parse().unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    }

    pub(crate) fn settings(&self) -> Settings {
        let socket = self.folder.display();
        let url = format!("postgres:///postgres?host={socket}&user=postgres");
        Settings {
            url: SecretString::from(url),
            ..Settings::default()
        }
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// A connection that has nothing to do with any lane.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.settings()
            .connect_options()
            .unwrap()
            .connect()
            .await
            .unwrap()
    }

    pub(crate) async fn execute(&self, sql: &'static str) {
        self.connect().await.execute(sql).await.unwrap();
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = self.connect().await;
        sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn expect(&self, program: &str, arguments: &[&str]) {
        assert!(self.command(program, arguments), "{program} failed");
    }

    fn command(&self, program: &str, arguments: &[&str]) -> bool {
        let mut command = Command::new(find(program));
        command.args(arguments).current_dir(&self.folder);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command.status().unwrap().success()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.command(
            "pg_ctl",
            &["stop", "-w", "-m", "immediate", "-D", &self.data()],
        );
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// The newest installed PostgreSQL's program, else the one on PATH.
fn find(program: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    versions
        .map(|version| version.unwrap().path().join("bin").join(program))
        .filter(|path| path.exists())
        .max()
        .unwrap_or_else(|| program.into())
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .ok()
}
