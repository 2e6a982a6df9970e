//! Both services as processes, each with its own database.

use std::time::Duration;

use contract::proto::{
    auth::{account_service_client::AccountServiceClient, auth_service_client::AuthServiceClient},
    task::task_service_client::TaskServiceClient,
};
use database::{Lanes, Settings};
use testing::Process;
use tonic::{Request, metadata::AsciiMetadataValue, transport::Channel};

use crate::services::{key, serve};

/// How long a start or a stop may take.
const TIMEOUT: Duration = Duration::from_secs(40);
/// How often a condition is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The variables of the auth service with the database at `url`.
pub(crate) fn auth_variables(url: &str, listen: &str) -> Vec<(&'static str, String)> {
    vec![
        ("TANDEM_AUTH__LISTEN", listen.to_owned()),
        ("TANDEM_LOG__FORMAT", "json".to_owned()),
        ("TANDEM_AUTH__DATABASE__URL", url.to_owned()),
        ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", format!("1:{}", key(1))),
        ("TANDEM_AUTH__REFRESH_KEYS", format!("1:{}", key(2))),
        ("TANDEM_AUTH__SERVICE_SECRETS", key(4)),
        ("TANDEM_AUTH__HASH__MEMORY_KIB", "64".to_owned()),
        // Lanes then notice a lost connection soon, before a call does.
        (
            "TANDEM_AUTH__DATABASE__CHECK_AFTER_IDLE",
            "100ms".to_owned(),
        ),
    ]
}

/// The variables of the task service with the database at `url`.
pub(crate) fn task_variables(url: &str, auth_address: &str) -> Vec<(&'static str, String)> {
    vec![
        ("TANDEM_TASK__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_LOG__FORMAT", "json".to_owned()),
        ("TANDEM_TASK__DATABASE__URL", url.to_owned()),
        ("TANDEM_TASK__PAGE_TOKEN_KEY", key(3)),
        ("TANDEM_TASK__SERVICE_SECRET", key(4)),
        ("TANDEM_TASK__DELETIONS_POLL", "100ms".to_owned()),
        (
            "TANDEM_TASK__AUTH_UPSTREAM",
            format!("http://{auth_address}"),
        ),
        (
            "TANDEM_TASK__DATABASE__CHECK_AFTER_IDLE",
            "100ms".to_owned(),
        ),
    ]
}

/// Both services, ready for calls.
#[derive(Debug)]
pub(crate) struct RunningServices {
    pub(crate) auth: Process,
    pub(crate) task: Process,
    pub(crate) auth_address: String,
    task_address: String,
}

impl RunningServices {
    /// Starts both on migrated databases, and waits until they are ready.
    pub(crate) async fn start(auth_url: &str, task_url: &str) -> Self {
        let free = "127.0.0.1:0";
        let (auth, auth_address) = serve("auth-service", auth_variables(auth_url, free)).await;
        let (task, task_address) =
            serve("task-service", task_variables(task_url, &auth_address)).await;
        for process in [&auth, &task] {
            ready(process).await;
        }
        Self {
            auth,
            task,
            auth_address,
            task_address,
        }
    }

    /// Starts the auth service again at the same address, after it was stopped.
    pub(crate) async fn restart_auth(&mut self, url: &str) {
        (self.auth, _) = serve("auth-service", auth_variables(url, &self.auth_address)).await;
        ready(&self.auth).await;
    }

    pub(crate) fn sessions(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(channel(&self.auth_address))
    }

    pub(crate) fn account(&self) -> AccountServiceClient<Channel> {
        AccountServiceClient::new(channel(&self.auth_address))
    }

    pub(crate) fn tasks(&self) -> TaskServiceClient<Channel> {
        TaskServiceClient::new(channel(&self.task_address))
    }
}

async fn ready(process: &Process) {
    process
        .wait_for_line(TIMEOUT, |line| line.contains("\"ready\""))
        .await;
}

fn channel(address: &str) -> Channel {
    Channel::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_lazy()
}

/// A request with an access token.
pub(crate) fn bearing<M>(token: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    let bearer: AsciiMetadataValue = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

/// Runs a command of a service to its end. Returns its exit code and everything it wrote.
pub(crate) async fn command(
    program: &str,
    arguments: &[&str],
    variables: Vec<(&'static str, String)>,
) -> (Option<i32>, String) {
    let program = crate::tools::binary(program);
    let process = Process::spawn(program, arguments, variables);
    crate::tools::end_of(process, TIMEOUT).await
}

/// Runs `migrate` of both services, which must succeed.
pub(crate) async fn migrate(url: &str) {
    for (program, variables) in [
        ("auth-service", auth_variables(url, "127.0.0.1:0")),
        ("task-service", task_variables(url, "127.0.0.1:1")),
    ] {
        let (code, output) = command(program, &["migrate"], variables).await;
        assert_eq!(code, Some(0), "{output}");
    }
}

/// Lanes with the settings of a service.
pub(crate) fn lanes(url: &str, lanes: usize) -> Lanes {
    let settings = Settings {
        url: url.to_owned().into(),
        lanes,
        ..Settings::default()
    };
    Lanes::start(settings).unwrap()
}

/// Waits until a condition holds. Fails the test when it does not hold in time.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + TIMEOUT;
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
