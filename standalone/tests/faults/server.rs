//! A PostgreSQL that is killed, stopped and made read-only, behind a network that may swallow packets.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use testing::Proxy;

/// Its data is in a folder that goes with it.
#[derive(Debug)]
pub(crate) struct Server {
    folder: PathBuf,
    /// Whom to become: PostgreSQL refuses to run as root.
    user: Option<(u32, u32)>,
    pub(crate) network: Proxy,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let name = format!("tandem-faults-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let user = (id(&["-u"]) == Some(0)).then(|| {
            let of_postgres = |what| id(&[what, "postgres"]).unwrap();
            (of_postgres("-u"), of_postgres("-g"))
        });
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).unwrap();
        }
        let server = Self {
            network: Proxy::to(&folder.join(".s.PGSQL.5432")).await,
            folder,
            user,
        };
        let data = server.data();
        assert!(server.run("initdb", &["-A", "trust", "-U", "postgres", "-D", &data]));
        server.begin();
        server
    }

    /// What clients connect to, by way of the network.
    pub(crate) fn url(&self) -> String {
        let address = self.network.address();
        format!("postgres://postgres@{address}/postgres?sslmode=disable")
    }

    /// Starts it; returns when it takes connections.
    pub(crate) fn begin(&self) {
        let options = format!("-k {} -c listen_addresses=", self.folder.display());
        let (data, log) = (self.data(), self.folder.join("log").display().to_string());
        let arguments = ["start", "-w", "-D", &data, "-l", &log, "-o", &options];
        // One killed a moment ago may still have children that hold its memory.
        let started = (0..100).any(|_| self.run("pg_ctl", &arguments));
        assert!(started, "{}", fs::read_to_string(log).unwrap_or_default());
    }

    /// SIGKILL.
    pub(crate) fn kill(&self) {
        let file = fs::read_to_string(Path::new(&self.data()).join("postmaster.pid")).unwrap();
        let pid = file.lines().next().unwrap().parse().unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    }

    /// A stop that ends connections, as an administrator does it.
    pub(crate) fn stop(&self) {
        assert!(self.run("pg_ctl", &["stop", "-w", "-m", "fast", "-D", &self.data()]));
    }

    /// Whether it refuses writes, as a primary that was demoted.
    pub(crate) fn read_only(&self, on: bool) {
        let set = format!("alter system set default_transaction_read_only = {on}");
        // It may be read-only itself by now.
        self.sql(&["set default_transaction_read_only = off", &set]);
        self.sql(&["select pg_reload_conf()"]);
    }

    fn sql(&self, statements: &[&str]) {
        let host = self.folder.display().to_string();
        let mut arguments = vec!["-X", "-q", "-h", &host, "-U", "postgres"];
        for statement in statements {
            arguments.extend(["-c", statement]);
        }
        assert!(self.run("psql", &arguments));
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let mut command = Command::new(find(program));
        command.args(arguments).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command.status().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run(
            "pg_ctl",
            &["stop", "-w", "-m", "immediate", "-D", &self.data()],
        );
        // What is left is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The newest installed PostgreSQL's program, else the one on PATH.
fn find(program: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
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
