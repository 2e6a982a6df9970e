//! A running standalone process on free ports.

use std::{net::SocketAddr, time::Duration};

use standalone::next_steps::Addresses;
use testing::{Database, Process};

use crate::tools::{Folder, binary};

/// How long a first start may take on a busy machine: it makes a database cluster.
const START: Duration = Duration::from_mins(1);
/// The last line of what is printed.
const LAST: &str = "# Health:";

/// Variables that let a process take free ports and keep its files in `folder`.
pub(crate) fn variables(folder: &Folder) -> Vec<(&'static str, String)> {
    let free = "127.0.0.1:0";
    vec![
        ("TANDEM_STANDALONE__DIRECTORY", folder.text()),
        ("TANDEM_AUTH__LISTEN", free.to_owned()),
        ("TANDEM_TASK__LISTEN", free.to_owned()),
        ("TANDEM_GATEWAY__LISTEN", free.to_owned()),
    ]
}

/// Starts a process and does not wait for it.
pub(crate) fn spawn(variables: Vec<(&'static str, String)>) -> Process {
    Process::spawn(binary("standalone"), [""; 0], variables)
}

/// A process that is ready, its folder elsewhere.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) addresses: Addresses,
}

impl Running {
    /// Starts with a private PostgreSQL in `folder`.
    pub(crate) async fn start(folder: &Folder) -> Self {
        Self::ready(spawn(variables(folder)), START).await
    }

    /// Waits until a process has said what to type next.
    pub(crate) async fn ready(process: Process, within: Duration) -> Self {
        process
            .wait_for_line(within, |line| line.starts_with(LAST))
            .await;
        let output = process.output();
        Self {
            addresses: Addresses {
                auth: named(&output, "grpcurl -plaintext ", " list"),
                task: named(
                    &output,
                    "grpcurl -plaintext ",
                    " list tandem.task.v1.TaskService",
                ),
                gateway: named(&output, "# gRPC-web, binary and text: http://", "/"),
            },
            process,
        }
    }

    /// The token that was printed.
    pub(crate) fn token(&self) -> String {
        let output = self.process.output();
        let token = output
            .lines()
            .find_map(|line| line.strip_prefix("export TOKEN=ey"));
        format!("ey{}", token.expect("a token is printed"))
    }
}

/// The address on the printed line that begins and ends like this.
fn named(output: &str, begin: &str, end: &str) -> SocketAddr {
    let within = |line: &str| line.strip_prefix(begin)?.strip_suffix(end)?.parse().ok();
    output
        .lines()
        .find_map(within)
        .unwrap_or_else(|| panic!("no line {begin}…{end} in:\n{output}"))
}

/// A process that is ready, on a fresh database of the test's server: quicker than a private one.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) running: Running,
    pub(crate) folder: Folder,
    _database: Database,
}

impl Stack {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts with these settings too.
    pub(crate) async fn start_with(settings: &[(&'static str, &str)]) -> Self {
        let folder = Folder::new();
        let database = Database::empty().await;
        let mut variables = variables(&folder);
        variables.push(("DATABASE_URL", database.url().to_owned()));
        variables.extend(
            settings
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        Self {
            running: Running::ready(spawn(variables), START).await,
            folder,
            _database: database,
        }
    }

    pub(crate) fn addresses(&self) -> Addresses {
        self.running.addresses
    }
}
