//! Two replicas of each service on one database: a task service follows each auth service, with a network between them.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::SecretString;
use shared::{
    clock::SystemClock,
    proto::{
        auth::{SignOutRequest, SignUpRequest, TokenPair, auth_service_client::AuthServiceClient},
        task::task_service_client::TaskServiceClient,
    },
    token::{Purpose, Revocations, Verifier, feed},
};
use task_service::App;
use testing::{Database, assert_refused};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

use crate::{
    knocker::call,
    outage::until_serving,
    pair::{PASSWORD, run_auth_with},
    proxy::Proxy,
    world::{SERVICE_SECRET, config, run},
};

/// How long what was revoked may be let in while the feed is cut.
pub(crate) const READS: Duration = Duration::from_secs(2);
pub(crate) const WRITES: Duration = Duration::from_secs(1);
const BOUNDS: [(&str, &str); 3] = [
    ("STALENESS__READS", "2s"),
    ("STALENESS__WRITES", "1s"),
    ("QUOTA", "1000000"),
];
/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Replicas {
    pub(crate) auth: [Auth; 2],
    pub(crate) tasks: [Tasks; 2],
    database: Database,
}

/// A replica of the auth service.
pub(crate) struct Auth {
    address: SocketAddr,
    client: AuthServiceClient<Channel>,
    /// Dropped when it is asked to stop.
    running: Option<DropGuard>,
}

/// A replica of the task service.
pub(crate) struct Tasks {
    pub(crate) client: TaskServiceClient<Channel>,
    channel: Channel,
    /// Between it and the auth service it follows.
    pub(crate) network: Proxy,
    /// Whether its verifier is, where that is not its own.
    told: Option<watch::Receiver<bool>>,
    _running: Vec<DropGuard>,
}

impl Replicas {
    pub(crate) async fn new() -> Self {
        let database = Database::with(&[auth_service::SCHEMA, task_service::SCHEMA]).await;
        let url = database.url();
        let auth = [Auth::run(url).await, Auth::run(url).await];
        let tasks = [
            Tasks::following(&auth[0], url).await,
            Tasks::following(&auth[1], url).await,
        ];
        Self {
            auth,
            tasks,
            database,
        }
    }

    /// The first session of somebody new.
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

    /// Starts another auth service in the place of the first one, which has stopped.
    pub(crate) async fn restart(&mut self) {
        self.auth[0] = Auth::run(self.database.url()).await;
        self.tasks[0].network.lead_to(self.auth[0].address);
    }

    /// Puts one in the place of the first task service that takes in little at once.
    pub(crate) async fn narrow(&mut self) {
        self.tasks[0] = Tasks::narrow(&self.auth[0], self.database.url()).await;
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

    /// Ends the session; when that was answered.
    pub(crate) async fn sign_out(&self, tokens: &TokenPair) -> Instant {
        let refresh_token = tokens.refresh_token.clone();
        let request = SignOutRequest { refresh_token };
        self.client.clone().sign_out(request).await.unwrap();
        Instant::now()
    }

    /// Asks the service to stop.
    pub(crate) fn stop(&mut self) {
        drop(self.running.take());
    }
}

impl Tasks {
    async fn following(auth: &Auth, url: &str) -> Self {
        let network = Proxy::to(auth.address).await;
        let upstream = format!("http://{}", network.address);
        let own = [("AUTH_UPSTREAM", upstream.as_str())];
        let settings: Vec<_> = own.into_iter().chain(BOUNDS).collect();
        let app = App::new(config(url, &settings), Arc::new(SystemClock)).unwrap();
        Self::run(app, network, None, Vec::new()).await
    }

    /// With a subscription that has room for 1 KiB on its way, where usually it is 2 MiB.
    async fn narrow(auth: &Auth, url: &str) -> Self {
        let network = Proxy::to(auth.address).await;
        let config = config(url, &BOUNDS);
        let bounds = Revocations::Followed(config.staleness);
        let clock = Arc::new(SystemClock);
        let verifier = Verifier::new(
            config.trust.clone(),
            bounds,
            100,
            Arc::<SystemClock>::clone(&clock),
        );
        let endpoint = Endpoint::new(format!("http://{}", network.address)).unwrap();
        let (tell, told) = watch::channel(false);
        let stop = CancellationToken::new();
        tokio::spawn(feed::subscribe(
            verifier.clone(),
            vec![endpoint.initial_stream_window_size(1024)],
            SecretString::from(SERVICE_SECRET),
            "narrow".to_owned(),
            tell,
            stop.clone(),
        ));
        let app = App::trusting(config, clock, verifier);
        Self::run(app, network, Some(told), vec![stop.drop_guard()]).await
    }

    async fn run(
        app: App,
        network: Proxy,
        told: Option<watch::Receiver<bool>>,
        mut running: Vec<DropGuard>,
    ) -> Self {
        let (channel, guard) = run(app).await;
        running.push(guard);
        let replica = Self {
            client: TaskServiceClient::new(channel.clone()),
            channel,
            network,
            told,
            _running: running,
        };
        replica.serves().await;
        replica
    }

    /// Waits until it says that it serves everybody.
    pub(crate) async fn serves(&self) {
        if let Some(mut told) = self.told.clone() {
            told.wait_for(|ready| *ready).await.unwrap();
        }
        until_serving(&self.channel).await;
    }

    pub(crate) async fn accepts(&self, tokens: &TokenPair) {
        for purpose in [Purpose::Read, Purpose::Write] {
            self.call(tokens, purpose).await.unwrap();
        }
    }

    /// Claims that it comes to refuse the token as revoked, for reads and writes.
    pub(crate) async fn revokes(&self, tokens: &TokenPair) {
        for purpose in [Purpose::Read, Purpose::Write] {
            let refused = self.refuses(tokens, purpose).await;
            assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
        }
    }

    /// Claims that it comes to refuse everything because it has not heard of revocations.
    pub(crate) async fn is_stale(&self, tokens: &TokenPair) {
        for purpose in [Purpose::Write, Purpose::Read] {
            let refused = self.refuses(tokens, purpose).await;
            assert_refused(&refused, Code::Unavailable, "REVOCATION_FEED_STALE");
        }
    }

    /// Calls until it refuses.
    async fn refuses(&self, tokens: &TokenPair, purpose: Purpose) -> Status {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
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
