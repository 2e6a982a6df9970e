//! One access line per request ([`AccessLine`]).
//!
//! The line is written after the last byte of the answer was sent or when the client went away, whichever comes first. Only
//! then is the gRPC status known: in a gRPC-web answer it comes last.

use std::sync::{Arc, OnceLock};

use api::request_id::{self, X_REQUEST_ID};
use axum::{extract::Request, response::Response};
use contract::reason::Reason;
use http::{Extensions, HeaderMap, HeaderValue};
use serving::access_line::AccessLine;
use telemetry::trace::{Span, Trace, Tracing};
use tokio::time::Instant;
use tonic::Code;
use transport::network::Network;

use super::{
    request_metrics::{self, RequestMetrics},
    spans,
};
use crate::{
    SERVICE, body_guard::with_guard, client_address::ClientAddress, rpc_catalog::RpcCatalog,
};

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

/// Why the gateway itself refuses a request; in the extensions of the request. Clones share it. A refusal that is known when the answer
/// begins can also be a [`Reason`] in the extensions of the answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnRefusal(Arc<OnceLock<Reason>>);

impl OwnRefusal {
    /// That of this request.
    pub(crate) fn of(request: &Extensions) -> Self {
        request.get().cloned().unwrap_or_default()
    }

    /// Sets it, unless it is set already.
    pub(crate) fn set(&self, reason: Reason) {
        self.0.get_or_init(|| reason);
    }
}

/// Gives the request its id and its place in a trace; logs and counts it when it has ended. `answer` answers it.
pub(crate) async fn record<Answering>(
    log: &AccessLog,
    mut request: Request,
    answer: impl FnOnce(Request) -> Answering,
) -> Response
where
    Answering: Future<Output = Response>,
{
    let id = HeaderValue::try_from(request_id::from_headers(request.headers()))
        .expect("a request id is visible ASCII");
    request.headers_mut().insert(X_REQUEST_ID, id.clone());
    let trace = spans::start(&log.tracing, &log.catalog, &mut request);
    let client = ClientAddress::resolve(&mut request, &log.trusted_proxies);
    let refusal = OwnRefusal::default();
    request.extensions_mut().insert(refusal.clone());
    let mut entry = Entry {
        line: line(log, &request, client, &trace),
        span: trace.span,
        id: id.clone(),
        start: Instant::now(),
        grpc: None,
        refusal,
        metrics: Arc::clone(&log.metrics),
    };
    entry.metrics.start();
    let mut response = answer(request).await;
    response.headers_mut().insert(X_REQUEST_ID, id);
    entry.line.status = Some(response.status());
    entry.grpc = response.extensions().get().cloned();
    if let Some(reason) = response.extensions().get() {
        entry.refusal.set(*reason);
    }
    response.map(|body| with_guard(body, entry))
}

/// The access line of a request, as far as it is known at its arrival.
fn line(
    log: &AccessLog,
    request: &Request,
    client: Option<ClientAddress>,
    trace: &Trace,
) -> AccessLine {
    let path = request.uri().path();
    AccessLine {
        service: Some(SERVICE),
        method: request.method().clone(),
        path: Some(path.to_owned()),
        rpc: log.catalog.find(path).map(|rpc| rpc.name().to_owned()),
        status: None,
        code: None,
        reason: None,
        request_id: request_id(request.headers()).to_owned(),
        trace_id: trace.id,
        peer: client.map(ClientAddress::ip),
        user: None,
        session: None,
    }
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
    line: AccessLine,
    span: Option<Span>,
    id: HeaderValue,
    start: Instant,
    grpc: Option<GrpcStatus>,
    refusal: OwnRefusal,
    metrics: Arc<RequestMetrics>,
}

impl Entry {
    /// `None` for an answer that is not one to a call, CANCELLED if the client went away before its status.
    fn code(&self) -> Option<Code> {
        let Some(grpc) = &self.grpc else {
            // Without a status there was no answer: the client of a call went away.
            let gone = self.line.status.is_none() && self.line.rpc.is_some();
            return gone.then_some(Code::Cancelled);
        };
        let status = grpc.0.get();
        Some(status.map_or(Code::Cancelled, |status| {
            Code::from_bytes(status.as_bytes())
        }))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.line.code = self.code();
        let reason = self.refusal.0.get();
        self.line.reason = reason.map(|reason| reason.as_str().to_owned());
        self.line.log(self.start.elapsed());
        let AccessLine { status, code, .. } = self.line;
        if let Some(mut span) = self.span.take() {
            spans::set_http_status(&mut span, &self.id, status);
            match code {
                Some(code) => spans::set_grpc_status(&mut span, code),
                None => spans::fail_of_server(&mut span, status),
            }
        }
        let route = request_metrics::route(
            &self.line.method,
            self.line.path.as_deref().unwrap_or_default(),
        );
        self.metrics.end(route, self.start, status, code);
    }
}
