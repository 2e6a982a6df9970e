//! Two replicas of each service on one database, every one a process of its own.

use std::{net::TcpListener, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use embedded_postgres::{Durability, EmbeddedPostgres, Settings};
use shared::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use testing::Process;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;

/// How long a program may take to start or to end.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often a program that starts is asked whether it is ready.
const POLL: Duration = Duration::from_millis(50);
/// Base64 of 32 bytes; nothing here is worth a secret.
const KEY: &str = "1q9vXnF3mB0kqz6R2oYtq5c8w1uJxgS7hDdEoPZ4L2Y=";
/// Who administers.
pub(crate) const ADMIN: &str = "admin@example.test";
pub(crate) const PASSWORD: &str = "a long enough password";

/// Two auth services, and two task services each of which follows another one of them. Killed when dropped.
pub(crate) struct Replicas {
    pub(crate) auth: [Channel; 2],
    pub(crate) tasks: [Channel; 2],
    running: Vec<Process>,
    pub(crate) programs: Arc<Programs>,
    /// Where the first auth service is.
    pub(crate) upstream: String,
    postgres: EmbeddedPostgres,
}

/// The programs, and what they are told.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    settings: Vec<(String, String)>,
}

impl Replicas {
    /// Starts everything and waits until it is ready.
    pub(crate) async fn start(settings: &[(String, String)]) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let folder = own.parent().context("a program lies in a folder")?;
        let full = Settings {
            durability: Durability::Full,
            ..Settings::throwaway()
        };
        let postgres = EmbeddedPostgres::start(full).await?;
        postgres.create_database_if_missing("tandem").await?;
        let programs = Programs {
            folder: folder.to_owned(),
            settings: told(&postgres.url("tandem"), settings),
        };
        for service in ["auth-service", "task-service"] {
            programs.run(service, &["migrate"], "").await?;
        }
        let create = ["admin", "create", "--email", ADMIN];
        programs.run("auth-service", &create, PASSWORD).await?;
        let mut running = Vec::new();
        let [(upstream, one_auth, one_task), (_, other_auth, other_task)] = [
            programs.pair(&mut running).await?,
            programs.pair(&mut running).await?,
        ];
        Ok(Self {
            auth: [one_auth, other_auth],
            tasks: [one_task, other_task],
            running,
            programs: Arc::new(programs),
            upstream,
            postgres,
        })
    }

    /// Stops everything and removes the data.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        for process in &self.running {
            process.terminate();
        }
        for process in &mut self.running {
            process.ended(PATIENCE).await;
        }
        Ok(self.postgres.stop().await?)
    }
}

impl Programs {
    /// An auth service and where it is, and a task service that follows it, both ready.
    async fn pair(&self, running: &mut Vec<Process>) -> anyhow::Result<(String, Channel, Channel)> {
        let (auth, task) = (free_address()?, free_address()?);
        let own = [("TANDEM_AUTH__LISTEN", auth.clone())];
        running.push(self.spawn("auth-service", &["serve"], &own)?);
        let own = [
            ("TANDEM_TASK__LISTEN", task.clone()),
            ("TANDEM_TASK__AUTH_UPSTREAM", format!("http://{auth}")),
        ];
        running.push(self.spawn("task-service", &["serve"], &own)?);
        let channels = (ready(&auth).await?, ready(&task).await?);
        Ok((format!("http://{auth}"), channels.0, channels.1))
    }

    /// Ends a signing key as an operator does; when that was said to be done.
    pub(crate) async fn kill_key(&self, kid: &str) -> anyhow::Result<Instant> {
        let mut killing = self.spawn("auth-service", &["keys", "kill", kid], &[])?;
        let said = |line: &str| line.contains("is killed");
        killing.wait_for_line(PATIENCE, said).await;
        let answered = Instant::now();
        // What is measured does not wait for the program's end.
        tokio::spawn(async move { killing.ended(PATIENCE).await });
        Ok(answered)
    }

    /// Starts a program with settings of its own.
    pub(crate) fn spawn(
        &self,
        program: &str,
        arguments: &[&str],
        own: &[(&str, String)],
    ) -> anyhow::Result<Process> {
        let binary = self.folder.join(program);
        anyhow::ensure!(
            binary.exists(),
            "build it first: cargo build --release --package {program}"
        );
        let own = own.iter().map(|(name, value)| (*name, value.clone()));
        let of_all = self.settings.iter();
        let of_all = of_all.map(|(name, value)| (name.as_str(), value.clone()));
        Ok(Process::spawn(&binary, arguments, own.chain(of_all)))
    }

    /// Runs a command to its end.
    async fn run(&self, program: &str, arguments: &[&str], input: &str) -> anyhow::Result<()> {
        let mut process = self.spawn(program, arguments, &[])?;
        process.give_input(input);
        let ended = process.ended(PATIENCE).await;
        let output = process.output();
        anyhow::ensure!(ended.success(), "{program} {arguments:?}: {output}");
        Ok(())
    }
}

/// What all of them are told; of what is asked for, the last wins.
fn told(database: &str, asked: &[(String, String)]) -> Vec<(String, String)> {
    let own = [
        ("DATABASE_URL", database),
        ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", &format!("1:{KEY}")),
        ("TANDEM_AUTH__REFRESH_KEYS", &format!("1:{KEY}")),
        ("TANDEM_AUTH__SERVICE_SECRETS", KEY),
        ("TANDEM_TASK__SERVICE_SECRET", KEY),
        ("TANDEM_TASK__PAGE_TOKEN_KEY", KEY),
        // All accounts are made from one address, and hashing is not what is measured.
        ("TANDEM_AUTH__THROTTLE__ADDRESS_BURST", "1000000"),
        ("TANDEM_AUTH__HASH__MEMORY_KIB", "8"),
        ("TANDEM_AUTH__HASH__ITERATIONS", "1"),
        // Only so that a killed key is soon replaced and the next round can begin.
        ("TANDEM_AUTH__SIGNING__POLL", "200ms"),
        // Output is kept in memory.
        ("TANDEM_LOG__LEVEL", "warn"),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.into_iter().chain(asked.iter().cloned()).collect()
}

/// A connection to a program, once it says that it is ready.
async fn ready(address: &str) -> anyhow::Result<Channel> {
    let channel = Channel::from_shared(format!("http://{address}"))?.connect_lazy();
    let mut health = HealthClient::new(channel.clone());
    let limit = Instant::now() + PATIENCE;
    while Instant::now() < limit {
        match health.check(HealthCheckRequest::default()).await {
            Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => {
                return Ok(channel);
            }
            Ok(_) | Err(_) => sleep(POLL).await,
        }
    }
    anyhow::bail!("{address} is not ready")
}

/// An address that is free now.
pub(crate) fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.to_string())
}
