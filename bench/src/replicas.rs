//! Two replicas of each service on one database. Every replica is a process.

use std::{net::TcpListener, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use contract::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use embedded_postgres::{Durability, EmbeddedPostgres, PostgresSettings};
use testing::Process;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;

/// How long a program may take to start or to end.
const PROGRAM_TIMEOUT: Duration = Duration::from_mins(1);
/// How often a starting program is asked whether it is ready.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Base64 of 32 bytes. The measured data needs no real secret.
const KEY: &str = "1q9vXnF3mB0kqz6R2oYtq5c8w1uJxgS7hDdEoPZ4L2Y=";
/// The administrator's account.
pub(crate) const ADMIN: &str = "admin@example.test";
pub(crate) const PASSWORD: &str = "a long enough password";

/// Two auth services and two task services. Each task service follows another auth service. All are killed when this is dropped.
pub(crate) struct ServiceReplicas {
    pub(crate) auth: [Channel; 2],
    pub(crate) tasks: [Channel; 2],
    running: Vec<Process>,
    pub(crate) programs: Arc<Programs>,
    /// The URL of the first auth service.
    pub(crate) upstream: String,
    postgres: EmbeddedPostgres,
}

/// The programs and their settings.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    settings: Vec<(String, String)>,
}

impl ServiceReplicas {
    /// Starts everything and waits until it is ready.
    pub(crate) async fn start(settings: &[(String, String)]) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let folder = own.parent().context("a program is in a folder")?;
        let full = PostgresSettings {
            durability: Durability::Full,
            ..PostgresSettings::throwaway()
        };
        let postgres = EmbeddedPostgres::start(full).await?;
        postgres.create_database_if_missing("tandem").await?;
        let programs = Programs {
            folder: folder.to_owned(),
            settings: variables(&postgres.url("tandem"), settings),
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
            process.ended(PROGRAM_TIMEOUT).await;
        }
        Ok(self.postgres.stop().await?)
    }
}

impl Programs {
    /// Starts an auth service and a task service that follows it, and waits until both are ready. Returns the URL of the auth
    /// service and a channel to each.
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

    /// Kills a signing key, as an operator does. Returns when the command said that it was done.
    pub(crate) async fn kill_key(&self, kid: &str) -> anyhow::Result<Instant> {
        let mut killing = self.spawn("auth-service", &["keys", "kill", kid], &[])?;
        let is_done = |line: &str| line.contains("is killed");
        killing.wait_for_line(PROGRAM_TIMEOUT, is_done).await;
        let answered = Instant::now();
        // The measurement does not wait for the end of the program.
        tokio::spawn(async move { killing.ended(PROGRAM_TIMEOUT).await });
        Ok(answered)
    }

    /// Starts a program with additional variables.
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
        let common = self.settings.iter();
        let common = common.map(|(name, value)| (name.as_str(), value.clone()));
        Ok(Process::spawn(&binary, arguments, own.chain(common)))
    }

    /// Runs a command to its end.
    async fn run(&self, program: &str, arguments: &[&str], input: &str) -> anyhow::Result<()> {
        let mut process = self.spawn(program, arguments, &[])?;
        process.give_input(input);
        let ended = process.ended(PROGRAM_TIMEOUT).await;
        let output = process.output();
        anyhow::ensure!(ended.success(), "{program} {arguments:?}: {output}");
        Ok(())
    }
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
        // This process keeps the output in memory.
        ("TANDEM_LOG__LEVEL", "warn"),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.into_iter().chain(requested.iter().cloned()).collect()
}

/// A channel to a service, as soon as it says that it is ready.
async fn ready(address: &str) -> anyhow::Result<Channel> {
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
