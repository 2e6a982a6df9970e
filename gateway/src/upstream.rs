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
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use shared::tls::{self, NoTls};
use tonic::{body::Body, transport::Channel};
use tower::{BoxError, Service, ServiceExt as _};

use self::{failure::Failure, replicas::Replicas};
use crate::{Config, contract::Contract};

/// How often one call is tried at most, on its replicas in turn.
const ATTEMPTS: usize = 4;

/// Both services. Connections open when first needed and reopen when lost; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Upstreams {
    pub(crate) auth: Upstream,
    pub(crate) task: Upstream,
}

impl Upstreams {
    /// Must be called within a runtime: names are resolved in the background.
    pub(crate) fn connect(config: &Config, contract: &Arc<Contract>) -> Result<Self, NoTls> {
        let upstream = |uris: &[Uri]| {
            let services = uris
                .iter()
                .map(|uri| tls::Upstream::new(uri, config.upstream_tls.as_ref()))
                .collect::<Result<Vec<_>, _>>()?;
            let replicas = Arc::new(Replicas::new(&services, config));
            resolver::follow(&replicas, uris.iter().zip(services), config);
            Ok(Upstream {
                replicas,
                contract: Arc::clone(contract),
            })
        };
        Ok(Self {
            auth: upstream(&config.auth_upstream)?,
            task: upstream(&config.task_upstream)?,
        })
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
            if attempt == ATTEMPTS || !failure.permits(harmless, attempt > order.len()) {
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

/// The channel to a service wherever its name leads, or to one of its addresses. It opens when first needed.
///
/// Pings go out only while calls do: gRPC servers may take pings of idle clients for abuse.
fn channel(service: &tls::Upstream, at: Option<SocketAddr>, config: &Config) -> Channel {
    let service = at.map_or_else(|| service.clone(), |address| service.at(address));
    let limits = &config.connections;
    let service = service.with(|endpoint| {
        endpoint
            .connect_timeout(config.connect_timeout)
            .http2_keep_alive_interval(limits.keepalive_interval)
            .keep_alive_timeout(limits.keepalive_timeout)
            .tcp_nodelay(true)
    });
    service.connect_lazy()
}
