//! Both services with a proxy between them, and users who have signed up.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use clock::{Clock, SystemClock};
use contract::proto::{
    auth::{
        SignUpRequest, TokenPair, account_service_client::AccountServiceClient,
        auth_service_client::AuthServiceClient,
    },
    task::{
        CreateTaskRequest, CreateTaskResponse, ListTasksRequest, ListTasksResponse,
        task_service_client::TaskServiceClient,
    },
};
use serving::process::Instruments;
use settings::Source;
use task_service::App;
use testing::Database;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{
    Request, Response, Status,
    transport::{Channel, Endpoint},
};

use crate::{
    proxy::Proxy,
    world::{SERVICE_SECRET, config, run, titled},
};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// How long a test waits for an expected event.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) struct Pair {
    pub(crate) auth: AuthServiceClient<Channel>,
    pub(crate) account: AccountServiceClient<Channel>,
    pub(crate) tasks: TaskServiceClient<Channel>,
    pub(crate) task_channel: Channel,
    /// Between the task service and the auth service.
    pub(crate) network: Proxy,
    _running: [DropGuard; 2],
    _database: Database,
}

impl Pair {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With settings of the section `task`.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let database = Database::with(&[auth_service::SCHEMA, task_service::SCHEMA]).await;
        let (address, auth_running) = run_auth(database.url(), SystemClock).await;
        let network = Proxy::to(address).await;
        let upstream = format!("http://{}", network.address);
        let own = [("AUTH_UPSTREAM", upstream.as_str())];
        let settings: Vec<_> = own.into_iter().chain(settings.iter().copied()).collect();
        let app = App::new(
            config(database.url(), &settings),
            Instruments::off(Arc::new(SystemClock)),
        )
        .unwrap();
        let (task_channel, running) = run(app).await;
        crate::outage::until_serving(&task_channel).await;
        let auth = Endpoint::new(format!("http://{address}"))
            .unwrap()
            .connect_lazy();
        Self {
            auth: AuthServiceClient::new(auth.clone()),
            account: AccountServiceClient::new(auth),
            tasks: TaskServiceClient::new(task_channel.clone()),
            task_channel,
            network,
            _running: [running, auth_running],
            _database: database,
        }
    }

    /// Signs up a new user; returns the tokens of the first session.
    pub(crate) async fn sign_up(&self, email: &str) -> TokenPair {
        let request = SignUpRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            ..SignUpRequest::default()
        };
        let answer = self.auth.clone().sign_up(request).await.unwrap();
        answer.into_inner().tokens.unwrap()
    }

    pub(crate) async fn read(&self, token: &str) -> Result<Response<ListTasksResponse>, Status> {
        let request = bearing(token, ListTasksRequest::default());
        self.tasks.clone().list_tasks(request).await
    }

    pub(crate) async fn write(&self, token: &str) -> Result<Response<CreateTaskResponse>, Status> {
        let message = CreateTaskRequest {
            task: Some(titled("t")),
            ..CreateTaskRequest::default()
        };
        self.tasks
            .clone()
            .create_task(bearing(token, message))
            .await
    }

    /// Reads until it is refused; returns the refusal, and how long reads were accepted.
    pub(crate) async fn until_read_is_refused(&self, token: &str) -> (Status, Duration) {
        let began = Instant::now();
        while began.elapsed() < WAIT_TIMEOUT {
            if let Err(refused) = self.read(token).await {
                return (refused, began.elapsed());
            }
        }
        panic!("the token is still accepted");
    }

    /// Writes until it is refused; returns the refusal, and how long writes were accepted.
    pub(crate) async fn until_write_is_refused(&self, token: &str) -> (Status, Duration) {
        let began = Instant::now();
        while began.elapsed() < WAIT_TIMEOUT {
            if let Err(refused) = self.write(token).await {
                return (refused, began.elapsed());
            }
        }
        panic!("the token is still accepted");
    }
}

/// A request with a bearer token.
pub(crate) fn bearing<M>(token: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

/// The auth service with cheap hashing and a short heartbeat interval.
pub(crate) async fn run_auth(url: &str, clock: impl Clock) -> (SocketAddr, DropGuard) {
    run_auth_with(url, clock, &[]).await
}

/// The same, with additional settings of the section `auth`.
pub(crate) async fn run_auth_with(
    url: &str,
    clock: impl Clock,
    settings: &[(&str, &str)],
) -> (SocketAddr, DropGuard) {
    let own = [
        ("DATABASE__URL", url),
        (
            "KEY_ENCRYPTION_KEYS",
            "1:nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
        ),
        (
            "REFRESH_KEYS",
            "1:2pTw0Lb1hPZmYdJx6nS8vKqRk5cE3fGyA9uWzB7oHtM=",
        ),
        ("SERVICE_SECRETS", SERVICE_SECRET),
        ("HASH__MEMORY_KIB", "8"),
        ("HASH__ITERATIONS", "1"),
        ("FEED__HEARTBEAT", "100ms"),
        ("FEED__POLL", "20ms"),
    ];
    let variable =
        |(name, value): &(&str, &str)| (format!("TANDEM_AUTH__{name}"), (*value).to_owned());
    let config = auth_service::config::Config::load(Source {
        defaults: &[
            telemetry::settings::DEFAULTS,
            auth_service::config::DEFAULTS,
        ],
        sections: &[auth_service::config::SECTION],
        generated: Vec::new(),
        directory: std::env::temp_dir().join("a-folder-without-settings"),
        environment: own.iter().chain(settings).map(variable).collect(),
    });
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let app = auth_service::App::new(config, Instruments::off(Arc::new(clock))).unwrap();
    tokio::spawn(app.serve(listener, stop.clone().cancelled_owned()));
    (address, stop.drop_guard())
}
