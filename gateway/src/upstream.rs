//! The two services behind the gateway, and which paths are whose.
//!
//! A service is one or more replicas: every upstream of the setting, and every address its name resolves to, asked again and
//! again, so that replicas come and go without a restart (a headless service of Kubernetes). Calls go to the replicas in
//! turn, to those that say they serve. A call that its replica has certainly not begun, or that changes nothing, goes to the next one instead of failing.

mod failure;
mod replicas;
mod resolver;
mod watch;

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use tonic::{
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::{BoxError, Service, ServiceExt as _};

use self::{failure::Failure, replicas::Replicas};
use crate::{Config, contract::Contract};

/// Replicas that one call is tried on at most.
const ATTEMPTS: usize = 4;

/// Both services. Connections open when first needed and reopen when lost; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Upstreams {
    pub(crate) auth: Upstream,
    pub(crate) task: Upstream,
}

impl Upstreams {
    /// Must be called within a runtime: names are resolved in the background.
    pub(crate) fn connect(config: &Config, contract: &Arc<Contract>) -> Self {
        let upstream = |uris: &[Uri]| {
            let replicas = Arc::new(Replicas::new(uris, config));
            resolver::follow(&replicas, uris, config);
            Upstream {
                replicas,
                contract: Arc::clone(contract),
            }
        };
        Self {
            auth: upstream(&config.auth_upstream),
            task: upstream(&config.task_upstream),
        }
    }

    /// The service that serves this path, decided by its proto package. The version is part of the package, so a longer
    /// name with the same beginning is another package and not routed.
    pub(crate) fn of(&self, path: &str) -> Option<&Upstream> {
        if path.starts_with("/tandem.auth.v1.") {
            Some(&self.auth)
        } else if path.starts_with("/tandem.task.v1.") {
            Some(&self.task)
        } else {
            None
        }
    }
}

/// One service: its replicas as one.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    replicas: Arc<Replicas>,
    contract: Arc<Contract>,
}

impl Upstream {
    async fn call(self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (parts, body) = request.into_parts();
        let message = body.collect().await?.to_bytes();
        let harmless = self.contract.is_harmless(parts.uri.path());
        let order = self.replicas.in_turn();
        // Once more than there are replicas: the connection to the only one may have been lost a moment ago.
        let attempts = ATTEMPTS.min(order.len() + 1);
        for (replica, attempt) in order.iter().cycle().zip(1..) {
            let mut request = Request::new(Body::new(Full::new(message.clone())));
            *request.method_mut() = parts.method.clone();
            *request.uri_mut() = parts.uri.clone();
            *request.version_mut() = parts.version;
            *request.headers_mut() = parts.headers.clone();
            let error = match replica.channel().oneshot(request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let failure = Failure::of(&error);
            if attempt == attempts || !failure.permits(harmless) {
                return Err(error.into());
            }
            tracing::debug!(?failure, "a call goes to the next replica");
        }
        Err("the service has no replica".into())
    }
}

impl Service<Request<Body>> for Upstream {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.clone().call(request).boxed()
    }
}

/// Pings go out only while calls do: gRPC servers may take pings of idle clients for abuse.
fn channel(uri: &Uri, config: &Config) -> Channel {
    endpoint(uri.clone(), config).connect_lazy()
}

/// One address of the host that `uri` names.
fn channel_to(address: std::net::SocketAddr, uri: &Uri, config: &Config) -> Channel {
    let to = format!("http://{address}")
        .parse()
        .expect("an address is an authority");
    endpoint(to, config).origin(uri.clone()).connect_lazy()
}

fn endpoint(uri: Uri, config: &Config) -> Endpoint {
    Endpoint::from(uri)
        .connect_timeout(config.connect_timeout)
        .http2_keep_alive_interval(config.keepalive_interval)
        .keep_alive_timeout(config.keepalive_timeout)
        .tcp_nodelay(true)
}
