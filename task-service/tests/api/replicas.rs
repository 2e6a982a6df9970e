//! Two replicas of each service on one database. Each task service subscribes to one auth service, with a proxy between
//! them.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use clock::SystemClock;
use contract::proto::{
    auth::{SignOutRequest, SignUpRequest, TokenPair, auth_service_client::AuthServiceClient},
    task::task_service_client::TaskServiceClient,
};
use secrecy::SecretString;
use task_service::App;
use testing::{Database, assert_refused};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use verifier::{Purpose, Revocations, Verifier, feed};

use crate::{
    outage::until_serving,
    pair::{PASSWORD, run_auth_with},
    prober::call,
    proxy::Proxy,
    world::{SERVICE_SECRET, config, run},
};

/// How long a revoked token may be accepted while the feed is cut.
pub(crate) const READ_STALENESS: Duration = Duration::from_secs(2);
pub(crate) const WRITE_STALENESS: Duration = Duration::from_secs(1);
const SETTINGS: [(&str, &str); 3] = [
    ("STALENESS__READS", "2s"),
    ("STALENESS__WRITES", "1s"),
    ("QUOTA", "1000000"),
];
/// How long a test waits for an expected event.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) struct Replicas {
    pub(crate) auth: [Auth; 2],
    pub(crate) tasks: [Tasks; 2],
    database: Database,
}

/// A replica of the auth service.
pub(crate) struct Auth {
    address: SocketAddr,
    client: AuthServiceClient<Channel>,
    /// Dropped to stop it.
    running: Option<DropGuard>,
}

/// A replica of the task service.
pub(crate) struct Tasks {
    pub(crate) client: TaskServiceClient<Channel>,
    channel: Channel,
    /// Between it and its auth service.
    pub(crate) network: Proxy,
    /// Whether its verifier is up to date, if the test made the verifier.
    verifier_ready: Option<watch::Receiver<bool>>,
    _running: Vec<DropGuard>,
}

impl Replicas {
    pub(crate) async fn new() -> Self {
        let database = Database::with(&[auth_service::SCHEMA, task_service::SCHEMA]).await;
        let url = database.url();
        let auth = [Auth::run(url).await, Auth::run(url).await];
        let tasks = [
            Tasks::subscribed(&auth[0], url).await,
            Tasks::subscribed(&auth[1], url).await,
        ];
        Self {
            auth,
            tasks,
            database,
        }
    }

    /// Signs up a new user; returns the tokens of the first session.
    pub(crate) async fn sign_up(&self, email: &str) -> TokenPair {
        let request = SignUpRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            ..SignUpRequest::default()
        };
        let mut client = self.auth[1].client.clone();
        let answer = client.sign_up(request).await.unwrap();
        answer.into_inner().tokens.unwrap()
    }

    /// Starts another auth service in place of the first one, which has stopped.
    pub(crate) async fn restart(&mut self) {
        self.auth[0] = Auth::run(self.database.url()).await;
        self.tasks[0].network.set_target(self.auth[0].address);
    }

    /// Replaces the first task service by one with a small receive window.
    pub(crate) async fn use_small_window(&mut self) {
        self.tasks[0] = Tasks::with_small_window(&self.auth[0], self.database.url()).await;
    }
}

impl Auth {
    async fn run(url: &str) -> Self {
        let settings = [("FEED__BUFFER", "4"), ("THROTTLE__ADDRESS_BURST", "1000")];
        let (address, running) = run_auth_with(url, SystemClock, &settings).await;
        let channel = Endpoint::new(format!("http://{address}")).unwrap();
        Self {
            address,
            client: AuthServiceClient::new(channel.connect_lazy()),
            running: Some(running),
        }
    }

    /// Ends the session; returns the time of the answer.
    pub(crate) async fn sign_out(&self, tokens: &TokenPair) -> Instant {
        let refresh_token = tokens.refresh_token.clone();
        let request = SignOutRequest { refresh_token };
        self.client.clone().sign_out(request).await.unwrap();
        Instant::now()
    }

    /// Stops the service.
    pub(crate) fn stop(&mut self) {
        drop(self.running.take());
    }
}

impl Tasks {
    async fn subscribed(auth: &Auth, url: &str) -> Self {
        let network = Proxy::to(auth.address).await;
        let upstream = format!("http://{}", network.address);
        let own = [("AUTH_UPSTREAM", upstream.as_str())];
        let settings: Vec<_> = own.into_iter().chain(SETTINGS).collect();
        let app = App::new(config(url, &settings), Arc::new(SystemClock)).unwrap();
        Self::run(app, network, None, Vec::new()).await
    }

    /// Its subscription has a receive window of 1 KiB instead of 2 MiB.
    async fn with_small_window(auth: &Auth, url: &str) -> Self {
        let network = Proxy::to(auth.address).await;
        let config = config(url, &SETTINGS);
        let bounds = Revocations::Followed(config.staleness);
        let clock = Arc::new(SystemClock);
        let verifier = Verifier::new(
            config.trust.clone(),
            bounds,
            100,
            Arc::<SystemClock>::clone(&clock),
        );
        let endpoint = Endpoint::new(format!("http://{}", network.address)).unwrap();
        let (ready_sender, ready) = watch::channel(false);
        let stop = CancellationToken::new();
        tokio::spawn(feed::subscribe(
            verifier.clone(),
            vec![endpoint.initial_stream_window_size(1024)],
            SecretString::from(SERVICE_SECRET),
            "small-window".to_owned(),
            ready_sender,
            stop.clone(),
        ));
        let app = App::trusting(config, clock, verifier);
        Self::run(app, network, Some(ready), vec![stop.drop_guard()]).await
    }

    async fn run(
        app: App,
        network: Proxy,
        verifier_ready: Option<watch::Receiver<bool>>,
        mut running: Vec<DropGuard>,
    ) -> Self {
        let (channel, guard) = run(app).await;
        running.push(guard);
        let replica = Self {
            client: TaskServiceClient::new(channel.clone()),
            channel,
            network,
            verifier_ready,
            _running: running,
        };
        replica.until_ready().await;
        replica
    }

    /// Waits until it is ready.
    pub(crate) async fn until_ready(&self) {
        if let Some(mut ready) = self.verifier_ready.clone() {
            ready.wait_for(|ready| *ready).await.unwrap();
        }
        until_serving(&self.channel).await;
    }

    pub(crate) async fn assert_accepts(&self, tokens: &TokenPair) {
        for purpose in [Purpose::Read, Purpose::Write] {
            self.call(tokens, purpose).await.unwrap();
        }
    }

    /// Waits until it refuses reads and writes, and asserts that the token is revoked.
    pub(crate) async fn assert_revoked(&self, tokens: &TokenPair) {
        for purpose in [Purpose::Read, Purpose::Write] {
            let refused = self.until_refused(tokens, purpose).await;
            assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
        }
    }

    /// Waits until it refuses writes and reads, and asserts that its feed is stale.
    pub(crate) async fn assert_stale(&self, tokens: &TokenPair) {
        for purpose in [Purpose::Write, Purpose::Read] {
            let refused = self.until_refused(tokens, purpose).await;
            assert_refused(&refused, Code::Unavailable, "REVOCATION_FEED_STALE");
        }
    }

    /// Calls until it refuses.
    async fn until_refused(&self, tokens: &TokenPair, purpose: Purpose) -> Status {
        let began = Instant::now();
        while began.elapsed() < WAIT_TIMEOUT {
            if let Err(refused) = self.call(tokens, purpose).await {
                return refused;
            }
        }
        panic!("the token is still accepted");
    }

    async fn call(&self, tokens: &TokenPair, purpose: Purpose) -> Result<(), Status> {
        call(&self.client, &tokens.access_token, purpose).await
    }
}
