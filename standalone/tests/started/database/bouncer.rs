//! A PgBouncer in front of the test's server.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    time::Duration,
};

use sqlx::postgres::PgConnectOptions;
use testing::{Database, Folder, Process};

use crate::tools::installed;

const TIMEOUT: Duration = Duration::from_secs(20);
/// It is used only in the name of the socket.
const PORT: u16 = 6432;

/// A running PgBouncer on a Unix socket.
#[derive(Debug)]
pub(crate) struct Bouncer {
    folder: Folder,
    process: Process,
}

impl Bouncer {
    /// Starts one in front of the server of `database`. `settings` are additional lines of the section `[pgbouncer]`.
    pub(crate) async fn start(database: &Database, settings: &str) -> Self {
        let folder = Folder::new();
        // PgBouncer does not run as root, and creates its socket here.
        fs::set_permissions(folder.root(), Permissions::from_mode(0o777)).unwrap();
        let path = folder.text();
        let users = ["postgres", "tandem_auth", "tandem_task", "tandem_migrate"];
        let users: String = users.map(|user| format!("\"{user}\" \"\"\n")).concat();
        fs::write(folder.path("users"), users).unwrap();
        let (host, port) = address(database);
        let file = format!(
            "[databases]\n* = host={host} port={port}\n[pgbouncer]\nlisten_addr =\nlisten_port = {PORT}\n\
             unix_socket_dir = {path}\nauth_type = trust\nauth_file = {path}/users\n{settings}\n"
        );
        fs::write(folder.path("pgbouncer.ini"), file).unwrap();
        let process = spawn(&folder).await;
        Self { folder, process }
    }

    /// The URL of `database` through PgBouncer, for `role`.
    pub(crate) fn url(&self, database: &Database, role: &str) -> String {
        let options: PgConnectOptions = database.url().parse().unwrap();
        let name = options.get_database().unwrap();
        let socket = self.folder.text();
        format!("postgres:///{name}?host={socket}&port={PORT}&user={role}&sslmode=disable")
    }

    /// Kills it and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.process.kill();
        self.process.ended(TIMEOUT).await;
        self.process = spawn(&self.folder).await;
    }
}

async fn spawn(folder: &Folder) -> Process {
    let file = folder.path("pgbouncer.ini").display().to_string();
    let mut arguments = vec![file];
    if rustix::process::geteuid().is_root() {
        arguments.extend(["--user".to_owned(), "postgres".to_owned()]);
    }
    let program = installed("TEST_PGBOUNCER");
    let process = Process::spawn(program, arguments, Vec::new());
    process
        .wait_for_line(TIMEOUT, |line| line.contains("process up"))
        .await;
    process
}

fn address(database: &Database) -> (String, u16) {
    let options: PgConnectOptions = database.url().parse().unwrap();
    let socket = options.get_socket().map(|path| path.display().to_string());
    let host = socket.unwrap_or_else(|| options.get_host().to_owned());
    (host, options.get_port())
}
