//! A running standalone process on free ports.

use std::{net::SocketAddr, time::Duration};

use standalone::next_steps::Addresses;
use testing::{Database, Folder, Process};

use crate::tools::binary;

/// How long a first start may take on a busy machine. It creates a database cluster.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// The beginning of the last printed line.
const LAST_LINE: &str = "More commands";

/// The variables of a process that uses free ports and keeps its files in `folder`.
pub(crate) fn variables(folder: &Folder) -> Vec<(&'static str, String)> {
    let free = "127.0.0.1:0";
    vec![
        ("TANDEM_STANDALONE__DIRECTORY", folder.text()),
        ("TANDEM_AUTH__LISTEN", free.to_owned()),
        ("TANDEM_TASK__LISTEN", free.to_owned()),
        ("TANDEM_GATEWAY__LISTEN", free.to_owned()),
    ]
}

/// Starts a process without waiting until it is ready.
pub(crate) fn spawn(variables: Vec<(&'static str, String)>) -> Process {
    Process::spawn(binary("standalone"), [""; 0], variables)
}

/// A process that is ready. The caller owns its folder.
#[derive(Debug)]
pub(crate) struct RunningStandalone {
    pub(crate) process: Process,
    pub(crate) addresses: Addresses,
}

impl RunningStandalone {
    /// Starts with a private PostgreSQL in `folder`.
    pub(crate) async fn start(folder: &Folder) -> Self {
        Self::ready(spawn(variables(folder)), START_TIMEOUT).await
    }

    /// Waits until a process has printed its commands.
    pub(crate) async fn ready(process: Process, within: Duration) -> Self {
        process
            .wait_for_line(within, |line| line.starts_with(LAST_LINE))
            .await;
        let output = process.output();
        Self {
            addresses: Addresses {
                auth: named(&output, "gRPC      auth ", ", task "),
                task: named(&output, ", task ", "\n"),
                gateway: named(&output, "Console   http://", "/app/"),
            },
            process,
        }
    }

    /// The printed token.
    pub(crate) fn token(&self) -> String {
        let output = self.process.output();
        let token = output
            .lines()
            .find_map(|line| line.strip_prefix("export TOKEN=ey"));
        format!("ey{}", token.expect("a token is printed"))
    }
}

/// The address in the printed text between this beginning and end.
fn named(output: &str, begin: &str, end: &str) -> SocketAddr {
    let (_, rest) = output.split_once(begin).expect(begin);
    let (address, _) = rest.split_once(end).expect(end);
    address.parse().unwrap()
}

/// A process that is ready, on a fresh database of the test's server. This is quicker than a private server.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) running: RunningStandalone,
    pub(crate) folder: Folder,
    database: Database,
}

impl Stack {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts with additional settings.
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
            running: RunningStandalone::ready(spawn(variables), START_TIMEOUT).await,
            folder,
            database,
        }
    }

    pub(crate) fn addresses(&self) -> Addresses {
        self.running.addresses
    }

    pub(crate) fn database_url(&self) -> &str {
        self.database.url()
    }
}
