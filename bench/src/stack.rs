//! The measured stack: the `standalone` binary as a process.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use testing::Process;
use tonic::transport::Channel;

/// How long a start may take. The first start creates a database cluster.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// A running stack. It is killed when this is dropped.
pub(crate) struct BenchStack {
    process: Process,
    folder: PathBuf,
    pub(crate) ports: StackPorts,
    pub(crate) auth: Channel,
    pub(crate) tasks: Vec<Channel>,
}

/// Where each part listens, on the loopback interface.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StackPorts {
    pub(crate) auth: u16,
    pub(crate) task: u16,
    pub(crate) gateway: u16,
}

impl BenchStack {
    /// Starts a stack for callers that sign in again and again, and go on with their older tokens.
    pub(crate) async fn for_load(
        name: &str,
        settings: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let unlimited = [
            ("TANDEM_AUTH__THROTTLE__CONFIRMED_BURST", "1000000"),
            ("TANDEM_AUTH__MAX_SESSIONS", "1000"),
        ];
        let unlimited = unlimited.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self::start(name, &[&unlimited, settings].concat()).await
    }

    /// Starts a stack and waits until it says that it is ready. The name makes its folder unique.
    pub(crate) async fn start(name: &str, settings: &[(String, String)]) -> anyhow::Result<Self> {
        let binary = std::env::current_exe()?.with_file_name("standalone");
        anyhow::ensure!(
            binary.exists(),
            "build it first: cargo build --release --package standalone"
        );
        let folder =
            std::env::temp_dir().join(format!("tandem-bench-{}-{name}", std::process::id()));
        let ports = StackPorts {
            auth: free_port()?,
            task: free_port()?,
            gateway: free_port()?,
        };
        let requested = settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        let variables = own_settings(ports, &folder).into_iter().chain(requested);
        let process = Process::spawn(&binary, [""; 0], variables);
        process
            .wait_for_line(READY_TIMEOUT, |line| line.contains("export TOKEN="))
            .await;
        Ok(Self {
            process,
            folder,
            ports,
            auth: channel(ports.auth)?,
            tasks: (0..8)
                .map(|_| channel(ports.task))
                .collect::<anyhow::Result<_>>()?,
        })
    }

    /// The id of the process that serves everything but the database.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Stops it and removes its data.
    pub(crate) async fn stop(mut self) {
        self.process.terminate();
        let ended = self.process.ended(READY_TIMEOUT).await;
        eprintln!("the stack ended: {ended:?}");
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("{} cannot be removed: {error}", self.folder.display());
        }
    }
}

fn own_settings(ports: StackPorts, folder: &Path) -> [(&'static str, String); 5] {
    let listen = |port| format!("127.0.0.1:{port}");
    [
        ("TANDEM_STANDALONE__DIRECTORY", folder.display().to_string()),
        ("TANDEM_AUTH__LISTEN", listen(ports.auth)),
        ("TANDEM_TASK__LISTEN", listen(ports.task)),
        ("TANDEM_GATEWAY__LISTEN", listen(ports.gateway)),
        // All accounts sign up from one address.
        (
            "TANDEM_AUTH__THROTTLE__ADDRESS_BURST",
            1_000_000.to_string(),
        ),
    ]
}

fn channel(port: u16) -> anyhow::Result<Channel> {
    Ok(Channel::from_shared(format!("http://127.0.0.1:{port}"))?.connect_lazy())
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.port())
}
