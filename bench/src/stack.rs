//! The stack under measurement: the `standalone` binary as a process of its own.

use std::{net::TcpListener, path::PathBuf, time::Duration};

use anyhow::Context as _;
use testing::Process;
use tonic::transport::Channel;

/// The first start makes a database cluster.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// A running stack; killed when dropped.
pub(crate) struct Stack {
    process: Process,
    folder: PathBuf,
    pub(crate) auth: Channel,
    pub(crate) tasks: Vec<Channel>,
}

impl Stack {
    /// Starts the one of this name and waits until it says that it is ready.
    pub(crate) async fn start(name: &str, settings: &[(String, String)]) -> anyhow::Result<Self> {
        let binary = std::env::current_exe()?.with_file_name("standalone");
        anyhow::ensure!(
            binary.exists(),
            "build it first: cargo build --release --package standalone"
        );
        let folder =
            std::env::temp_dir().join(format!("tandem-bench-{}-{name}", std::process::id()));
        let (auth, task, gateway) = (free_port()?, free_port()?, free_port()?);
        let variables = [
            ("TANDEM_STANDALONE__DIRECTORY", folder.display().to_string()),
            ("TANDEM_AUTH__LISTEN", format!("127.0.0.1:{auth}")),
            ("TANDEM_TASK__LISTEN", format!("127.0.0.1:{task}")),
            // All accounts are made from one address.
            (
                "TANDEM_AUTH__THROTTLE__ADDRESS_BURST",
                1_000_000.to_string(),
            ),
            ("TANDEM_GATEWAY__LISTEN", format!("127.0.0.1:{gateway}")),
        ];
        let asked = settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        let variables = variables.into_iter().chain(asked);
        let process = Process::spawn(&binary, [""; 0], variables);
        process
            .wait_for_line(READY_WITHIN, |line| line.contains("export TOKEN="))
            .await;
        Ok(Self {
            process,
            folder,
            auth: channel(auth)?,
            tasks: (0..8)
                .map(|_| channel(task))
                .collect::<anyhow::Result<_>>()?,
        })
    }

    /// The process that serves: all but the database.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Stops it and removes its data.
    pub(crate) async fn stop(mut self) {
        self.process.terminate();
        let ended = self.process.ended(READY_WITHIN).await;
        eprintln!("the stack ended: {ended:?}");
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("{} stays behind: {error}", self.folder.display());
        }
    }
}

fn channel(port: u16) -> anyhow::Result<Channel> {
    Ok(Channel::from_shared(format!("http://127.0.0.1:{port}"))?.connect_lazy())
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.port())
}
