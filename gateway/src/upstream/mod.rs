//! The two services behind the gateway, and the calls to their replicas.
//!
//! The replicas of a service are every upstream of its setting, and every address that its name resolves to. Names are
//! resolved again at an interval, so that replicas can come and go without a restart (a headless service of Kubernetes).
//! Calls go to the replicas in turn, first to those that report that they serve. When a call fails, it is tried on the next
//! replica if the failed one has certainly not started it, or if the RPC has no side effects.

mod call_failure;
mod health_watch;
mod replicas;
mod resolver;

use std::{
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use tls::{self, MissingAuthority};
use tonic::{body::Body, transport::Channel};
use tower::{BoxError, ServiceExt as _};

use self::{call_failure::CallFailure, replicas::Replicas};
use crate::{config::Config, routes::Service, rpc_catalog::RpcCatalog};

/// The most attempts of one call, on the replicas in turn.
const MAX_ATTEMPTS: usize = 4;

/// Bytes of an answer that a service may send before the client of the gateway takes them.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The same for all answers on a connection to a service: so much that answers that nobody reads never hold up another.
const CONNECTION_WINDOW: u32 = 1 << 30;

/// Both services. Connections open when first needed and reopen when lost. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Upstreams {
    pub(crate) auth: Upstream,
    pub(crate) task: Upstream,
}

impl Upstreams {
    /// Must be called within a runtime: names are resolved in the background.
    pub(crate) fn connect(
        config: &Config,
        catalog: &Arc<RpcCatalog>,
    ) -> Result<Self, MissingAuthority> {
        let upstream = |uris: &[Uri]| {
            let services = uris
                .iter()
                .map(|uri| tls::Upstream::new(uri, config.upstreams.tls.as_ref()))
                .collect::<Result<Vec<_>, _>>()?;
            let replicas = Arc::new(Replicas::new(&services, config));
            resolver::follow(&replicas, uris.iter().zip(services), config);
            Ok(Upstream {
                uris: uris.into(),
                replicas,
                catalog: Arc::clone(catalog),
            })
        };
        Ok(Self {
            auth: upstream(&config.upstreams.auth)?,
            task: upstream(&config.upstreams.task)?,
        })
    }

    /// The upstream of this service.
    pub(crate) fn get(&self, service: Service) -> &Upstream {
        match service {
            Service::Auth => &self.auth,
            Service::Task => &self.task,
        }
    }
}

/// One service, whatever its number of replicas.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    uris: Arc<[Uri]>,
    replicas: Arc<Replicas>,
    catalog: Arc<RpcCatalog>,
}

impl Upstream {
    /// The host and port of the service, if its setting names only one.
    pub(crate) fn server(&self) -> Option<(&str, u16)> {
        match &*self.uris {
            [uri] => Some((uri.host()?, port(uri))),
            _ => None,
        }
    }

    async fn call_replicas(self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (parts, body) = request.into_parts();
        let message = body.collect().await?.to_bytes();
        let repeatable = self.catalog.has_no_side_effects(parts.uri.path());
        let replicas = self.replicas.in_call_order();
        for (replica, attempt) in replicas.iter().cycle().zip(1..) {
            let mut request = Request::new(Body::new(Full::new(message.clone())));
            *request.method_mut() = parts.method.clone();
            *request.uri_mut() = parts.uri.clone();
            *request.version_mut() = parts.version;
            *request.headers_mut() = parts.headers.clone();
            let error = match replica.channel().oneshot(request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let failure = CallFailure::of(&error);
            if attempt == MAX_ATTEMPTS
                || !failure.allows_retry(repeatable, attempt > replicas.len())
            {
                return Err(error.into());
            }
            tracing::debug!(?failure, "retrying a call on the next replica");
        }
        Err("the service has no replica".into())
    }
}

impl tower::Service<Request<Body>> for Upstream {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.clone().call_replicas(request).boxed()
    }
}

/// The port of an upstream: that of its scheme if it names none.
fn port(uri: &Uri) -> u16 {
    let of_scheme = if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    uri.port_u16().unwrap_or(of_scheme)
}

/// The channel to one address of a service; without an address, to whichever address its name resolves to. It connects when
/// first used.
///
/// PINGs are sent only while there are calls: gRPC servers can treat PINGs of idle clients as abuse.
fn channel(service: &tls::Upstream, address: Option<SocketAddr>, config: &Config) -> Channel {
    let service = address.map_or_else(|| service.clone(), |address| service.at(address));
    let limits = &config.connections;
    let service = service.with(|endpoint| {
        endpoint
            .connect_timeout(config.upstreams.connect_timeout)
            .http2_keep_alive_interval(limits.keepalive_interval)
            .keep_alive_timeout(limits.keepalive_timeout)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .tcp_nodelay(true)
    });
    service.connect_lazy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_not_named_is_that_of_the_scheme() {
        for (uri, expected) in [
            ("https://auth.example", 443),
            ("https://[::1]", 443),
            ("http://auth.example", 80),
            ("https://auth.example:50051", 50051),
            ("http://auth.example:443", 443),
        ] {
            assert_eq!(port(&uri.parse().unwrap()), expected, "{uri}");
        }
    }
}
