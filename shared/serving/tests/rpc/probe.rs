//! A service whose methods do on demand what real methods do only when something is wrong.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use clock::SystemClock;
use contract::proto::auth::{
    ExchangeApiKeyRequest, ExchangeApiKeyResponse, GetJsonWebKeySetRequest,
    GetJsonWebKeySetResponse, RefreshTokensRequest, RefreshTokensResponse, SignInRequest,
    SignInResponse, SignOutRequest, SignOutResponse, SignUpRequest, SignUpResponse,
    auth_service_client::AuthServiceClient,
    auth_service_server::{AuthService, AuthServiceServer},
    verifier_service_server::VerifierServiceServer,
};
use serving::{
    health::Health,
    serve::{Server, ServerLimits, ServiceSet},
    service_secrets::ServiceSecrets,
};
use telemetry::metrics::Metrics;
use testing::limits;
use tokio::{
    net::TcpListener,
    sync::{Notify, Semaphore},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status, transport::Channel};
use verifier::{Revocations, Trust, Verifier};

use crate::services::{PolicyOnly, SECRET};

/// The length of the token in the answer of `ExchangeApiKey`.
pub(crate) const LONG_TOKEN_BYTES: usize = 1 << 20;

/// `SignIn` begins and waits to be released, `SignUp` panics, `SignOut` answers, the answer of `ExchangeApiKey` is long.
#[derive(Debug, Clone)]
struct Probe {
    started: Arc<Semaphore>,
    release: Arc<Notify>,
    long_answers: Arc<AtomicUsize>,
}

#[tonic::async_trait]
impl AuthService for Probe {
    async fn sign_up(&self, _: Request<SignUpRequest>) -> Result<Response<SignUpResponse>, Status> {
        panic!("a defect")
    }

    async fn sign_in(&self, _: Request<SignInRequest>) -> Result<Response<SignInResponse>, Status> {
        self.started.add_permits(1);
        self.release.notified().await;
        Ok(Response::new(SignInResponse::default()))
    }

    async fn sign_out(
        &self,
        _: Request<SignOutRequest>,
    ) -> Result<Response<SignOutResponse>, Status> {
        Ok(Response::new(SignOutResponse::default()))
    }

    async fn refresh_tokens(
        &self,
        _: Request<RefreshTokensRequest>,
    ) -> Result<Response<RefreshTokensResponse>, Status> {
        Ok(Response::new(RefreshTokensResponse::default()))
    }

    async fn exchange_api_key(
        &self,
        _: Request<ExchangeApiKeyRequest>,
    ) -> Result<Response<ExchangeApiKeyResponse>, Status> {
        self.long_answers.fetch_add(1, Ordering::SeqCst);
        Ok(Response::new(ExchangeApiKeyResponse {
            access_token: "t".repeat(LONG_TOKEN_BYTES),
            ..Default::default()
        }))
    }

    async fn get_json_web_key_set(
        &self,
        _: Request<GetJsonWebKeySetRequest>,
    ) -> Result<Response<GetJsonWebKeySetResponse>, Status> {
        Ok(Response::new(GetJsonWebKeySetResponse::default()))
    }
}

/// A running server with the probe behind the layer under test.
pub(crate) struct Served {
    pub(crate) client: AuthServiceClient<Channel>,
    pub(crate) channel: Channel,
    pub(crate) address: SocketAddr,
    pub(crate) health: Health,
    pub(crate) stop: CancellationToken,
    pub(crate) server: JoinHandle<()>,
    probe: Probe,
}

impl Served {
    /// Waits until a `SignIn` has reached its method.
    pub(crate) async fn sign_in_has_started(&self) {
        self.probe.started.acquire().await.unwrap().forget();
    }

    /// How many long answers were made.
    pub(crate) fn long_answers(&self) -> usize {
        self.probe.long_answers.load(Ordering::SeqCst)
    }

    /// Lets one waiting `SignIn` answer.
    pub(crate) fn release(&self) {
        self.probe.release.notify_one();
    }
}

/// Limits that a test reaches only when it changes them.
pub(crate) fn limits() -> ServerLimits {
    ServerLimits {
        max_in_flight: 100,
        principal_share: 100,
        body_timeout: Duration::from_secs(5),
        answer_grace: Duration::from_secs(2),
        max_unsent_bytes: 1 << 30,
        deadline: Duration::from_secs(10),
        pause: Duration::ZERO,
        drain: Duration::from_secs(10),
        connections: limits::of_connections(),
        reflection: true,
        trusted_proxies: Vec::new(),
    }
}

/// Serves the probe on a free port.
pub(crate) async fn serve(limits: ServerLimits) -> Served {
    serve_counting(limits, &Metrics::off()).await
}

/// Serves the probe on a free port, counting in `metrics`.
pub(crate) async fn serve_counting(limits: ServerLimits, metrics: &Metrics) -> Served {
    let probe = Probe {
        started: Arc::new(Semaphore::new(0)),
        release: Arc::default(),
        long_answers: Arc::default(),
    };
    let trust = Trust {
        issuer: "tandem-auth".to_owned(),
        audience: "tandem".to_owned(),
        leeway: Duration::ZERO,
    };
    let verifier = Verifier::new(trust, Revocations::NotConsulted, 0, Arc::new(SystemClock));
    let service = AuthServiceServer::new(probe.clone())
        .max_decoding_message_size(64 * 1024)
        .accept_compressed(CompressionEncoding::Gzip);
    let surface = ServiceSet::default()
        .with(service)
        .with(VerifierServiceServer::new(PolicyOnly))
        .with_secrets(ServiceSecrets::parse(SECRET).unwrap());
    let health = Health::new(surface.names().iter().copied());
    health.set_ready(true);
    let server = Server::new(surface, health.clone(), verifier, limits).unwrap();
    let server = server.with_metrics(metrics);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(server.run(listener, stop.clone().cancelled_owned()));
    let channel = Channel::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_lazy();
    Served {
        client: AuthServiceClient::new(channel.clone()),
        channel,
        address,
        health,
        stop,
        server,
        probe,
    }
}
