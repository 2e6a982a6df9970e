//! A service with its own database and clock, and its clients.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use auth_service::{
    App, SCHEMA, ServeError,
    signing_keys::{sealing::KeyEncryptionKeys, signer::Signer},
};
use clock::Clock as _;
use contract::proto::auth::{
    RefreshTokensRequest, SignInRequest, SignUpRequest, TokenPair,
    account_service_client::AccountServiceClient, admin_service_client::AdminServiceClient,
    auth_service_client::AuthServiceClient, verifier_service_client::VerifierServiceClient,
};
use serving::process::Instruments;
use sqlx::PgConnection;
use telemetry::metrics::Metrics;
use testing::{
    Database, TestClock,
    leaks::{Logs, forbid},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::{Request, Status, metadata::AsciiMetadataValue, transport::Channel};

use crate::{
    health::{NOT_SERVING, SERVING, becomes},
    settings::{config, key},
};

/// The secret that authenticates services.
pub(crate) const SERVICE_SECRET: &str = "q8Jx0f2Zs7mVb4Kt1LrYp6WnHc3Dg5EaTu9";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// How often and how many times a test polls.
pub(crate) const POLL: Duration = Duration::from_millis(20);
pub(crate) const POLLS: usize = 500;

/// A running service.
pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) database: Arc<Database>,
    pub(crate) auth: AuthServiceClient<Channel>,
    pub(crate) account: AccountServiceClient<Channel>,
    pub(crate) admin: AdminServiceClient<Channel>,
    pub(crate) verifier: VerifierServiceClient<Channel>,
    channel: Channel,
    /// The address that the service listens on.
    pub(crate) uri: String,
    /// The metrics of the service.
    pub(crate) metrics: Metrics,
    people: AtomicUsize,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), ServeError>>,
    /// Fails the test if a secret is logged. It is dropped last.
    _logs: Logs,
}

/// A user with an account, signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) id: String,
    pub(crate) tokens: TokenPair,
}

impl World {
    pub(crate) async fn boot() -> Self {
        Self::with(&[]).await
    }

    /// A service with these settings in addition to those of the tests.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let database = Database::with(&[SCHEMA]).await;
        let clock = TestClock::at("2026-01-01T00:00:00.25Z");
        Self::on(Arc::new(database), clock, settings).await
    }

    /// Another replica, with the same database and the same time.
    pub(crate) async fn replica(&self, settings: &[(&str, &str)]) -> Self {
        Self::on(Arc::clone(&self.database), self.clock.clone(), settings).await
    }

    /// A ready service on an existing database.
    pub(crate) async fn on(
        database: Arc<Database>,
        clock: TestClock,
        settings: &[(&str, &str)],
    ) -> Self {
        let world = Self::starting(database, clock, settings).await;
        world.becomes_ready().await;
        world
    }

    /// A service that may not be ready yet.
    pub(crate) async fn starting(
        database: Arc<Database>,
        clock: TestClock,
        settings: &[(&str, &str)],
    ) -> Self {
        let logs = Logs::watch();
        forbid(PASSWORD);
        let config = config(&database.url_as("tandem_auth"), settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let instruments = Instruments {
            metrics: Metrics::of_service("tandem-auth", "test"),
            ..Instruments::off(Arc::new(clock.clone()))
        };
        let metrics = instruments.metrics.clone();
        let app = App::new(config, instruments).unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(app.serve(listener, async {
            let _dropped_is_stopped_too = stopped.await;
        }));
        let uri = format!("http://{address}");
        let channel = Channel::from_shared(uri.clone())
            .unwrap()
            .connect()
            .await
            .unwrap();
        Self {
            clock,
            database,
            auth: AuthServiceClient::new(channel.clone()),
            account: AccountServiceClient::new(channel.clone()),
            admin: AdminServiceClient::new(channel.clone()),
            verifier: VerifierServiceClient::new(channel.clone()),
            channel,
            uri,
            metrics,
            people: AtomicUsize::new(0),
            stop: Some(stop),
            served,
            _logs: logs,
        }
    }

    /// Waits until the service reports that it is ready.
    pub(crate) async fn becomes_ready(&self) {
        becomes(&self.channel, SERVING).await;
    }

    /// Waits until the service reports that it is not ready.
    pub(crate) async fn becomes_unready(&self) {
        becomes(&self.channel, NOT_SERVING).await;
    }

    /// Stops the service; returns its database and clock.
    pub(crate) async fn stop(mut self) -> (Arc<Database>, TestClock) {
        drop(self.stop.take());
        drop((self.auth, self.account, self.admin, self.verifier));
        drop(self.channel);
        self.served.await.unwrap().unwrap();
        (self.database, self.clock)
    }

    /// A new user.
    pub(crate) async fn person(&self) -> Person {
        self.person_with_tag(&[]).await
    }

    /// A new user whose device declares a tag, unless it is empty.
    pub(crate) async fn person_with_tag(&self, tag: &[u8]) -> Person {
        let number = self.people.fetch_add(1, Ordering::Relaxed);
        let email = format!("person{number}@example.org");
        let request = SignUpRequest {
            email: email.clone(),
            password: PASSWORD.to_owned(),
            attempt_tag: tag.to_vec(),
            ..SignUpRequest::default()
        };
        let answer = self
            .auth
            .clone()
            .sign_up(request)
            .await
            .unwrap()
            .into_inner();
        Person {
            email,
            id: answer.account.unwrap().id,
            tokens: answer.tokens.unwrap(),
        }
    }

    /// Another session of the same user.
    pub(crate) async fn sign_in(&self, person: &Person) -> TokenPair {
        let answer = self
            .auth
            .clone()
            .sign_in(credentials(&person.email, PASSWORD))
            .await;
        answer.unwrap().into_inner().tokens.unwrap()
    }

    pub(crate) async fn refresh(&self, token: &str, tag: &[u8]) -> Result<TokenPair, Status> {
        let request = RefreshTokensRequest {
            refresh_token: token.to_owned(),
            attempt_tag: tag.to_vec(),
        };
        let answer = self.auth.clone().refresh_tokens(request).await?;
        Ok(answer.into_inner().tokens.unwrap())
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The current time in seconds since 1970.
    pub(crate) fn seconds(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// The key that signs the access tokens of this world.
    pub(crate) async fn signer(&self) -> Signer {
        let active = sqlx::query_as(
            "select kid, key_encryption_key, sealed_private_key from auth.signing_key
             where activate_time is not null and retire_time is null and kill_time is null",
        );
        let (kid, key_id, sealed): (String, i16, Vec<u8>) =
            active.fetch_one(&mut self.connect().await).await.unwrap();
        let keys = KeyEncryptionKeys::new(vec![(1, key(7))]).unwrap();
        Signer::from_seed(&keys.open(&kid, key_id, &sealed).unwrap()).unwrap()
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        self.database.connect().await
    }

    /// The kinds of the audit events of an account in the order of insertion, once there are `count` of them.
    pub(crate) async fn audit(&self, account_id: &str, count: usize) -> Vec<String> {
        let mut connection = self.connect().await;
        let mut kinds = Vec::new();
        for _ in 0..POLLS {
            kinds = sqlx::query_scalar(
                "select kind from auth.audit_event where account_id = $1::uuid order by ctid",
            )
            .bind(account_id)
            .fetch_all(&mut connection)
            .await
            .unwrap();
            if kinds.len() >= count {
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        kinds
    }

    /// Asserts that the result of a statement becomes this number in time.
    pub(crate) async fn becomes(&self, statement: &'static str, expected: i64) {
        let mut connection = self.connect().await;
        let mut found = None;
        for _ in 0..POLLS {
            found = sqlx::query_scalar::<_, Option<i64>>(statement)
                .fetch_one(&mut connection)
                .await
                .unwrap();
            if found == Some(expected) {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
        assert_eq!(found, Some(expected), "{statement}");
    }

    /// Runs a statement that no RPC runs.
    pub(crate) async fn execute(&self, statement: &'static str) {
        let mut connection = self.connect().await;
        let executed = sqlx::raw_sql(statement).execute(&mut connection);
        executed.await.unwrap();
    }
}

pub(crate) fn credentials(email: &str, password: &str) -> SignInRequest {
    forbid(password);
    SignInRequest {
        email: email.to_owned(),
        password: password.to_owned(),
        device_label: String::new(),
        attempt_tag: Vec::new(),
    }
}

/// A request with the access token of these tokens.
pub(crate) fn with_tokens<T>(tokens: &TokenPair, message: T) -> Request<T> {
    with_token(&tokens.access_token, message)
}

pub(crate) fn with_token<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let bearer: AsciiMetadataValue = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}
