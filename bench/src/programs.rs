//! The programs that are measured, as processes on one database.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use contract::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use embedded_postgres::{Durability, EmbeddedPostgres, PostgresSettings};
use testing::Process;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};
use tonic::transport::Channel;

/// How long a program may take to start or to end.
pub(crate) const PROGRAM_TIMEOUT: Duration = Duration::from_mins(1);
/// How often a starting program is asked whether it is ready.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Base64 of 32 bytes. The measured data needs no real secret.
const KEY: &str = "1q9vXnF3mB0kqz6R2oYtq5c8w1uJxgS7hDdEoPZ4L2Y=";

/// The programs and their settings.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    settings: Vec<(String, String)>,
}

impl Programs {
    /// Those in the folder of this program, with the tables of both services in a database.
    pub(crate) async fn migrated(
        database: &str,
        settings: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let folder = own.parent().context("a program is in a folder")?;
        let programs = Self {
            folder: folder.to_owned(),
            settings: variables(database, settings),
        };
        for service in ["auth-service", "task-service"] {
            programs.run(service, &["migrate"], "").await?;
        }
        Ok(programs)
    }

    /// Starts a program with additional variables. Its output is kept.
    pub(crate) fn spawn(
        &self,
        program: &str,
        arguments: &[&str],
        own: &[(&str, String)],
    ) -> anyhow::Result<Process> {
        let binary = self.binary(program)?;
        let own = own.iter().map(|(name, value)| (*name, value.clone()));
        let common = self.settings.iter();
        let common = common.map(|(name, value)| (name.as_str(), value.clone()));
        Ok(Process::spawn(&binary, arguments, own.chain(common)))
    }

    /// Starts a server with additional variables. Its output is discarded by the system, so it costs what it costs to write it.
    pub(crate) fn serve(&self, program: &str, own: &[(&str, String)]) -> anyhow::Result<Server> {
        Server::start(self.command(program, own)?.arg("serve"))
    }

    /// Runs a command to its end.
    pub(crate) async fn run(
        &self,
        program: &str,
        arguments: &[&str],
        input: &str,
    ) -> anyhow::Result<()> {
        let mut process = self.spawn(program, arguments, &[])?;
        process.give_input(input);
        let ended = process.ended(PROGRAM_TIMEOUT).await;
        let output = process.output();
        anyhow::ensure!(ended.success(), "{program} {arguments:?}: {output}");
        Ok(())
    }

    /// Runs a command with additional variables, which take precedence, to its end.
    pub(crate) fn run_with(
        &self,
        program: &str,
        arguments: &[&str],
        own: &[(&str, String)],
    ) -> anyhow::Result<()> {
        let output = self.command(program, own)?.args(arguments).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{program} {arguments:?}: {errors}");
        Ok(())
    }

    /// A program with its settings. Additional ones take precedence.
    fn command(&self, program: &str, own: &[(&str, String)]) -> anyhow::Result<Command> {
        let mut command = Command::new(self.binary(program)?);
        command
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .envs(own.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    fn binary(&self, program: &str) -> anyhow::Result<PathBuf> {
        let binary = self.folder.join(program);
        anyhow::ensure!(
            binary.exists(),
            "build it first: cargo build --release --package {program}"
        );
        Ok(binary)
    }
}

/// A server without a reader of its output. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Server(Child);

impl Server {
    /// This program with other arguments.
    pub(crate) fn of_this_program(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        Self::start(command.args(arguments))
    }

    /// Starts a server without an input, whose output the system discards.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn();
        let child = child.with_context(|| command.get_program().display().to_string())?;
        Ok(Self(child))
    }

    /// Waits until something listens at an address.
    pub(crate) async fn listens(&self, address: SocketAddr) -> anyhow::Result<()> {
        let limit = Instant::now() + PROGRAM_TIMEOUT;
        while Instant::now() < limit {
            if TcpStream::connect(address).await.is_ok() {
                return Ok(());
            }
            sleep(POLL_INTERVAL).await;
        }
        anyhow::bail!("nothing listens at {address}")
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> anyhow::Result<()> {
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail for a process that has already ended, which is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A PostgreSQL whose commits wait for the disk, with an empty database.
pub(crate) async fn start_postgres(database: &str) -> anyhow::Result<EmbeddedPostgres> {
    let full = PostgresSettings {
        durability: Durability::Full,
        ..PostgresSettings::throwaway()
    };
    let postgres = EmbeddedPostgres::start(full).await?;
    postgres.create_database_if_missing(database).await?;
    Ok(postgres)
}

/// The variables of all programs. A setting of `requested` replaces ours, and a later one replaces an earlier one.
fn variables(database: &str, requested: &[(String, String)]) -> Vec<(String, String)> {
    let own = [
        ("DATABASE_URL", database),
        ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", &format!("1:{KEY}")),
        ("TANDEM_AUTH__REFRESH_KEYS", &format!("1:{KEY}")),
        ("TANDEM_AUTH__SERVICE_SECRETS", KEY),
        ("TANDEM_TASK__SERVICE_SECRET", KEY),
        ("TANDEM_TASK__PAGE_TOKEN_KEY", KEY),
        // All accounts sign up from one address, and hashing is not measured.
        ("TANDEM_AUTH__THROTTLE__ADDRESS_BURST", "1000000"),
        ("TANDEM_AUTH__THROTTLE__CONFIRMED_BURST", "1000000"),
        ("TANDEM_AUTH__MAX_SESSIONS", "1000"),
        ("TANDEM_AUTH__HASH__MEMORY_KIB", "8"),
        ("TANDEM_AUTH__HASH__ITERATIONS", "1"),
        // A killed key is then replaced soon, so that the next round can begin.
        ("TANDEM_AUTH__SIGNING__POLL", "200ms"),
        // This process may keep the output in memory.
        ("TANDEM_LOG__LEVEL", "warn"),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.into_iter().chain(requested.iter().cloned()).collect()
}

/// A channel to a service, as soon as it says that it is ready.
pub(crate) async fn ready(address: &str) -> anyhow::Result<Channel> {
    let channel = Channel::from_shared(format!("http://{address}"))?.connect_lazy();
    let mut health = HealthClient::new(channel.clone());
    let limit = Instant::now() + PROGRAM_TIMEOUT;
    while Instant::now() < limit {
        match health.check(HealthCheckRequest::default()).await {
            Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => {
                return Ok(channel);
            }
            Ok(_) | Err(_) => sleep(POLL_INTERVAL).await,
        }
    }
    anyhow::bail!("{address} is not ready")
}

/// An address whose port is free now.
pub(crate) fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.to_string())
}
