//! One line per request: method, path, HTTP status, gRPC status, milliseconds, request id, trace id, address of the
//! client. Never a query, a
//! header or a body: they can hold secrets.
//!
//! The line is written after the last byte of the answer was sent or when the client went away, whichever comes first. Only
//! then is the gRPC status known: in a gRPC-web answer it comes last.

use std::sync::{Arc, OnceLock};

use api::request_id::{self, X_REQUEST_ID};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use telemetry::trace::{Trace, Tracing};
use tokio::time::Instant;
use tonic::Code;
use transport::network::Network;

use super::{
    request_metrics::{self, RequestMetrics},
    spans,
};
use crate::{body_guard::with_guard, client_address::ClientAddress, rpc_catalog::RpcCatalog};

/// The state of the layer that logs, counts and traces requests.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog {
    pub(crate) tracing: Tracing,
    pub(crate) catalog: Arc<RpcCatalog>,
    pub(crate) metrics: Arc<RequestMetrics>,
    /// Proxies whose `x-forwarded-for` is believed.
    pub(crate) trusted_proxies: Arc<[Network]>,
}

/// The gRPC status of an answer, set once it is known. It is in the extensions of the answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct GrpcStatus(Arc<OnceLock<HeaderValue>>);

impl GrpcStatus {
    /// A status that is known from the start.
    pub(crate) fn of(code: Code) -> Self {
        let status = Self::default();
        status.set_code(code);
        status
    }

    /// Sets it to this code, unless it is set already.
    pub(crate) fn set_code(&self, code: Code) {
        self.set(&HeaderValue::from(code as i32));
    }

    /// Sets it, unless it is set already.
    pub(crate) fn set(&self, status: &HeaderValue) {
        self.0.get_or_init(|| status.clone());
    }
}

/// Gives the request its id and its place in a trace; logs and counts it when it has ended.
pub(crate) async fn record(
    State(log): State<AccessLog>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = HeaderValue::try_from(request_id::from_headers(request.headers()))
        .expect("a request id is visible ASCII");
    request.headers_mut().insert(X_REQUEST_ID, id.clone());
    let trace = spans::start(&log.tracing, &log.catalog, &mut request);
    let client = ClientAddress::resolve(&mut request, &log.trusted_proxies);
    let mut entry = Entry::new(&request, client, id.clone(), trace, log.metrics);
    let mut response = next.run(request).await;
    response.headers_mut().insert(X_REQUEST_ID, id);
    entry.status = Some(response.status());
    entry.grpc = response.extensions().get().cloned();
    response.map(|body| with_guard(body, entry))
}

/// The id that [`record`] put into the headers of this request.
pub(crate) fn request_id(headers: &HeaderMap) -> &str {
    headers
        .get(X_REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .expect("the access log gives every request an id of visible ASCII")
}

/// A request under way. Logs, counts and ends its span when dropped.
struct Entry {
    method: Method,
    path: String,
    client: Option<ClientAddress>,
    id: HeaderValue,
    trace: Trace,
    start: Instant,
    status: Option<StatusCode>,
    grpc: Option<GrpcStatus>,
    metrics: Arc<RequestMetrics>,
}

impl Entry {
    fn new(
        request: &Request,
        client: Option<ClientAddress>,
        id: HeaderValue,
        trace: Trace,
        metrics: Arc<RequestMetrics>,
    ) -> Self {
        metrics.start();
        Self {
            metrics,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            client,
            id,
            trace,
            start: Instant::now(),
            status: None,
            grpc: None,
        }
    }

    /// `-` for an answer that is not one of an RPC, `gone` if the client went away before the status.
    fn grpc_status(&self) -> &str {
        match &self.grpc {
            None => "-",
            Some(status) => status
                .0
                .get()
                .and_then(|status| status.to_str().ok())
                .unwrap_or("gone"),
        }
    }

    /// `None` for an answer that is not one of an RPC.
    fn code(&self) -> Option<Code> {
        let status = self.grpc.as_ref()?.0.get();
        Some(status.map_or(Code::Cancelled, |status| {
            Code::from_bytes(status.as_bytes())
        }))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            method = %self.method,
            path = self.path,
            status = self.status.map(|status| status.as_u16()),
            grpc_status = self.grpc_status(),
            ms,
            request_id = self.id.to_str().ok(),
            trace_id = self.trace.id.map(tracing::field::display),
            peer = self.client.map(tracing::field::display),
            "request"
        );
        if let Some(mut span) = self.trace.span.take() {
            spans::set_http_status(&mut span, &self.id, self.status);
            if let Some(code) = self.code() {
                spans::set_grpc_status(&mut span, code);
            }
        }
        let route = request_metrics::route(&self.method, &self.path);
        self.metrics
            .end(route, self.start, self.status, self.code());
    }
}
