//! Two replicas of each service on one database. Every replica is a process.

use std::sync::Arc;

use embedded_postgres::EmbeddedPostgres;
use testing::Process;
use tokio::time::Instant;
use tonic::transport::Channel;

use crate::{
    caller::PASSWORD,
    programs::{PROGRAM_TIMEOUT, Programs, free_address, ready, start_postgres},
};

/// The administrator's account.
pub(crate) const ADMIN: &str = "admin@example.test";

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

impl ServiceReplicas {
    /// Starts everything and waits until it is ready.
    pub(crate) async fn start(settings: &[(String, String)]) -> anyhow::Result<Self> {
        let postgres = start_postgres("tandem").await?;
        let programs = Programs::migrated(&postgres.url("tandem"), settings).await?;
        let create = ["admin", "create", "--email", ADMIN];
        programs.run("auth-service", &create, PASSWORD).await?;
        let mut running = Vec::new();
        let [(upstream, one_auth, one_task), (_, other_auth, other_task)] = [
            pair(&programs, &mut running).await?,
            pair(&programs, &mut running).await?,
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

/// Starts an auth service and a task service that follows it, and waits until both are ready. Returns the URL of the auth service
/// and a channel to each.
async fn pair(
    programs: &Programs,
    running: &mut Vec<Process>,
) -> anyhow::Result<(String, Channel, Channel)> {
    let (auth, task) = (free_address()?, free_address()?);
    let own = [("TANDEM_AUTH__LISTEN", auth.clone())];
    running.push(programs.spawn("auth-service", &["serve"], &own)?);
    let own = [
        ("TANDEM_TASK__LISTEN", task.clone()),
        ("TANDEM_TASK__AUTH_UPSTREAM", format!("http://{auth}")),
    ];
    running.push(programs.spawn("task-service", &["serve"], &own)?);
    let channels = (ready(&auth).await?, ready(&task).await?);
    Ok((format!("http://{auth}"), channels.0, channels.1))
}

/// Kills a signing key, as an operator does. Returns when the command said that it was done.
pub(crate) async fn kill_key(programs: &Programs, kid: &str) -> anyhow::Result<Instant> {
    let mut killing = programs.spawn("auth-service", &["keys", "kill", kid], &[])?;
    let is_done = |line: &str| line.contains("is killed");
    killing.wait_for_line(PROGRAM_TIMEOUT, is_done).await;
    let answered = Instant::now();
    // The measurement does not wait for the end of the program.
    tokio::spawn(async move { killing.ended(PROGRAM_TIMEOUT).await });
    Ok(answered)
}
