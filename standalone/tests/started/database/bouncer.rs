//! A PgBouncer of a test's own, in front of the test's server.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    time::Duration,
};

use sqlx::postgres::PgConnectOptions;
use testing::{Database, Process};

use crate::tools::{Folder, fetched};

const START: Duration = Duration::from_secs(20);
/// Part of the socket's name only.
const PORT: u16 = 6432;

/// A running PgBouncer on a Unix socket.
#[derive(Debug)]
pub(crate) struct Bouncer {
    folder: Folder,
    process: Process,
}

impl Bouncer {
    /// In front of the server of `database`, with these lines in `[pgbouncer]` beside what every test needs.
    pub(crate) async fn start(database: &Database, settings: &str) -> Self {
        let folder = Folder::new();
        // It is not root that runs it, and it makes its socket here.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let own = folder.text();
        let users = ["postgres", "tandem_auth", "tandem_task", "tandem_migrate"];
        let users: String = users.map(|user| format!("\"{user}\" \"\"\n")).concat();
        fs::write(folder.path().join("users"), users).unwrap();
        let (host, port) = address(database);
        let file = format!(
            "[databases]\n* = host={host} port={port}\n[pgbouncer]\nlisten_addr =\nlisten_port = {PORT}\n\
             unix_socket_dir = {own}\nauth_type = trust\nauth_file = {own}/users\n{settings}\n"
        );
        fs::write(folder.path().join("pgbouncer.ini"), file).unwrap();
        let process = spawn(&folder).await;
        Self { folder, process }
    }

    /// The URL of `database` through it, as `role`.
    pub(crate) fn url(&self, database: &Database, role: &str) -> String {
        let options: PgConnectOptions = database.url().parse().unwrap();
        let name = options.get_database().unwrap();
        let own = self.folder.text();
        format!("postgres:///{name}?host={own}&port={PORT}&user={role}&sslmode=disable")
    }

    /// Ends it at once and starts another one.
    pub(crate) async fn restart(&mut self) {
        self.process.kill();
        self.process.ended(START).await;
        self.process = spawn(&self.folder).await;
    }
}

async fn spawn(folder: &Folder) -> Process {
    let file = folder.path().join("pgbouncer.ini").display().to_string();
    let mut arguments = vec![file];
    if rustix::process::geteuid().is_root() {
        arguments.extend(["--user".to_owned(), "postgres".to_owned()]);
    }
    let program = fetched("TEST_PGBOUNCER");
    let process = Process::spawn(program, arguments, Vec::new());
    process
        .wait_for_line(START, |line| line.contains("process up"))
        .await;
    process
}

fn address(database: &Database) -> (String, u16) {
    let options: PgConnectOptions = database.url().parse().unwrap();
    let socket = options.get_socket().map(|path| path.display().to_string());
    let host = socket.unwrap_or_else(|| options.get_host().to_owned());
    (host, options.get_port())
}
