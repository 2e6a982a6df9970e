//! One service on a fresh database, with a clock that the test controls, and users with real tokens.

use std::{sync::Arc, time::Duration};

use api::ids::{SessionId, UserId};
use auth_service::signing_keys::signer::Signer;
use clock::Clock as _;
use contract::proto::{task as proto, task::task_service_client::TaskServiceClient};
use serving::process::Instruments;
use settings::Source;
use task_service::{
    App, SCHEMA,
    config::{Config, DEFAULTS, SECTION},
};
use testing::{
    Database, TestClock,
    leaks::{Logs, forbid_settings},
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{
    Request, Status,
    transport::{Channel, Endpoint},
};
use verifier::{Claims, KeySet, Revocations, Trust, Verifier};

/// The time at which every test begins.
pub(crate) const START: &str = "2026-01-01T00:00:00Z";
/// The scope of a signed-in session.
pub(crate) const SESSION: &str = "account tasks.read tasks.write";
/// The secret that identifies this service to the auth service.
pub(crate) const SERVICE_SECRET: &str = "q8Jx0f2Zs7mVb4Kt1LrYp6WnHc3Dg5Ea";
const PAGE_TOKEN_KEY: &str = "2pTw0Lb1hPZmYdJx6nS8vKqRk5cE3fGyA9uWzB7oHtM=";

/// The environment of one test.
pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) channel: Channel,
    pub(crate) signer: Arc<Signer>,
    _running: DropGuard,
    pub(crate) database: Database,
    /// Asserts, when everything else has stopped, that the log contains no secret.
    _logs: Logs,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With settings of the section `task`, such as `("QUOTA", "3")`.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(database().await, TestClock::at(START), settings).await
    }

    /// On a database with the schema of this service.
    pub(crate) async fn on(
        database: Database,
        clock: TestClock,
        settings: &[(&str, &str)],
    ) -> Self {
        let logs = Logs::watch();
        let url = database.url_as("tandem_task");
        let config = config(&url, settings);
        let signer = Arc::new(Signer::from_seed(&[7; 32]).unwrap());
        let verifier = verifier(&config.trust, &clock, KeySet::new([signer.public_key()]));
        let app = App::trusting(config, Instruments::off(Arc::new(clock.clone())), verifier);
        let (channel, running) = run(app).await;
        Self {
            clock,
            channel,
            signer,
            _running: running,
            database,
            _logs: logs,
        }
    }

    /// A new user.
    pub(crate) fn user(&self) -> User {
        User {
            id: UserId::at(self.clock.now()),
            clock: self.clock.clone(),
            signer: Arc::clone(&self.signer),
            client: TaskServiceClient::new(self.channel.clone()),
        }
    }
}

/// A database with this service's schema.
pub(crate) async fn database() -> Database {
    Database::with(&[SCHEMA]).await
}

/// The configuration of the service, with four database lanes to `url`.
pub(crate) fn config(url: &str, settings: &[(&str, &str)]) -> Config {
    let own = [
        ("DATABASE__URL", url),
        ("DATABASE__LANES", "4"),
        ("PAGE_TOKEN_KEY", PAGE_TOKEN_KEY),
        ("SERVICE_SECRET", SERVICE_SECRET),
    ];
    forbid_settings(own.iter().chain(settings).copied());
    // Also captures the log of services without a `World`; the next `World` checks it.
    drop(Logs::watch());
    let variable =
        |(name, value): &(&str, &str)| (format!("TANDEM_TASK__{name}"), (*value).to_owned());
    Config::load(Source {
        defaults: &[telemetry::settings::DEFAULTS, DEFAULTS],
        sections: &[SECTION],
        generated: Vec::new(),
        directory: std::env::temp_dir().join("a-folder-without-settings"),
        environment: own.iter().chain(settings).map(variable).collect(),
    })
    .unwrap_or_else(|problems| panic!("{problems}"))
}

/// A verifier with the given keys, without a revocation feed.
pub(crate) fn verifier(trust: &Trust, clock: &TestClock, keys: KeySet) -> Verifier {
    let clock = Arc::new(clock.clone());
    let verifier = Verifier::new(trust.clone(), Revocations::NotConsulted, 100, clock);
    verifier.set_keys(keys);
    verifier
}

/// Serves on a free port until the guard is dropped.
pub(crate) async fn run(app: App) -> (Channel, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(async move { app.serve(listener, stopped).await.unwrap() });
    let endpoint = Endpoint::new(format!("http://{address}")).unwrap();
    (endpoint.connect_lazy(), stop.drop_guard())
}

/// A signed-in user. Every call has a new token.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) id: UserId,
    clock: TestClock,
    signer: Arc<Signer>,
    client: TaskServiceClient<Channel>,
}

macro_rules! calls {
    ($($name:ident: $request:ident -> $response:ident;)+) => {
        impl User { $(
            pub(crate) async fn $name(&self, message: proto::$request) -> Result<proto::$response, Status> {
                let answer = self.client.clone().$name(self.request(message)).await?;
                Ok(answer.into_inner())
            }
        )+ }
    };
}

calls! {
    create_task: CreateTaskRequest -> CreateTaskResponse;
    get_task: GetTaskRequest -> GetTaskResponse;
    list_tasks: ListTasksRequest -> ListTasksResponse;
    update_task: UpdateTaskRequest -> UpdateTaskResponse;
    delete_task: DeleteTaskRequest -> DeleteTaskResponse;
    undelete_task: UndeleteTaskRequest -> UndeleteTaskResponse;
}

impl User {
    /// The claims of an access token of this user.
    pub(crate) fn claims(&self, scope: &str) -> Claims {
        let now = self.clock.now().timestamp();
        Claims {
            iss: "tandem-auth".to_owned(),
            aud: "tandem".to_owned(),
            sub: self.id,
            sid: SessionId::at(self.clock.now()),
            ep: 0,
            scope: scope.to_owned(),
            client_id: "test".to_owned(),
            iat: now,
            nbf: now,
            exp: now + 300,
            jti: "1".to_owned(),
        }
    }

    pub(crate) fn token(&self) -> String {
        self.signer.sign(&self.claims(SESSION))
    }

    pub(crate) fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.token()).parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        request
    }

    /// A request with a deadline of `timeout`.
    pub(crate) fn request_with_timeout<M>(&self, message: M, timeout: Duration) -> Request<M> {
        let mut request = self.request(message);
        request.set_timeout(timeout);
        request
    }

    pub(crate) fn client(&self) -> TaskServiceClient<Channel> {
        self.client.clone()
    }

    /// Creates a task with this title.
    pub(crate) async fn task(&self, title: &str) -> proto::Task {
        self.create(titled(title)).await
    }

    /// Creates a task; returns it from the response.
    pub(crate) async fn create(&self, task: proto::Task) -> proto::Task {
        let created = self.create_task(proto::CreateTaskRequest {
            task: Some(task),
            ..Default::default()
        });
        created.await.unwrap().task.unwrap()
    }

    pub(crate) async fn get(&self, id: &str) -> Result<proto::Task, Status> {
        let found = self
            .get_task(proto::GetTaskRequest { id: id.to_owned() })
            .await?;
        Ok(found.task.unwrap())
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<proto::Task, Status> {
        let request = proto::DeleteTaskRequest {
            id: id.to_owned(),
            ..Default::default()
        };
        Ok(self.delete_task(request).await?.task.unwrap())
    }

    pub(crate) async fn undelete(&self, id: &str) -> Result<proto::Task, Status> {
        let request = proto::UndeleteTaskRequest {
            id: id.to_owned(),
            ..Default::default()
        };
        Ok(self.undelete_task(request).await?.task.unwrap())
    }

    /// Updates the fields in `mask`, or without a mask if it is empty; returns the updated task.
    pub(crate) async fn update(
        &self,
        task: proto::Task,
        mask: &[&str],
    ) -> Result<proto::Task, Status> {
        let request = proto::UpdateTaskRequest {
            task: Some(task),
            update_mask: masked(mask),
            ..Default::default()
        };
        Ok(self.update_task(request).await?.task.unwrap())
    }

    /// All tasks of the user, deleted ones included, if there are at most 200.
    pub(crate) async fn all(&self) -> Vec<proto::Task> {
        let request = proto::ListTasksRequest {
            page_size: 200,
            show_deleted: true,
            ..Default::default()
        };
        self.list_tasks(request).await.unwrap().tasks
    }
}

pub(crate) fn masked(paths: &[&str]) -> Option<prost_types::FieldMask> {
    let paths: Vec<_> = paths.iter().map(|path| (*path).to_owned()).collect();
    (!paths.is_empty()).then_some(prost_types::FieldMask { paths })
}

pub(crate) fn titled(title: &str) -> proto::Task {
    proto::Task {
        title: title.to_owned(),
        ..Default::default()
    }
}

/// The id of no task.
pub(crate) const ABSENT: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// The seconds from the beginning of the test to `time`.
pub(crate) fn since_start(time: Option<prost_types::Timestamp>) -> i64 {
    time.expect("the time is set").seconds - TestClock::at(START).now().timestamp()
}
