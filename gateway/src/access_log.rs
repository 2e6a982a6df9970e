//! One line a request: method, path, HTTP status, gRPC status, milliseconds, request id, trace id, peer. Never a query, a header or a
//! body: they may hold secrets.
//!
//! The line is written when the answer's last byte has been handed over or the client has gone, whichever comes first, so that
//! it knows the gRPC status, which a browser's call carries at its end.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, Method, StatusCode};
use shared::{
    connections::Peer,
    trace::{Trace, Tracing},
};
use tokio::time::Instant;
use tonic::Code;

use crate::{
    contract::Contract,
    guarded::guarded,
    meter::{self, Meter},
    request_id::{self, X_REQUEST_ID},
    traced,
};

/// What a line needs to know beside its request.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    pub(crate) tracing: Tracing,
    pub(crate) contract: Arc<Contract>,
    pub(crate) meter: Arc<Meter>,
}

/// Where the translation writes the gRPC status once it is known; in the extensions of an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct GrpcStatus(Arc<OnceLock<HeaderValue>>);

impl GrpcStatus {
    /// Keeps the first.
    pub(crate) fn set(&self, status: &HeaderValue) {
        self.0.get_or_init(|| status.clone());
    }
}

/// Gives the request its id and its place in a trace, logs and counts it.
pub(crate) async fn record(
    State(recorder): State<Recorder>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request_id::choose(request.headers());
    request.headers_mut().insert(X_REQUEST_ID, id.clone());
    let trace = traced::arrive(&recorder.tracing, &recorder.contract, &mut request);
    let mut line = Line::new(&request, id.clone(), trace, recorder.meter);
    let mut response = next.run(request).await;
    response.headers_mut().insert(X_REQUEST_ID, id);
    line.status = Some(response.status());
    line.grpc = response.extensions().get().cloned();
    response.map(|body| guarded(body, line))
}

/// Logs itself when dropped.
struct Line {
    method: Method,
    path: String,
    peer: Option<Peer>,
    id: HeaderValue,
    trace: Trace,
    start: Instant,
    status: Option<StatusCode>,
    grpc: Option<GrpcStatus>,
    meter: Arc<Meter>,
}

impl Line {
    fn new(request: &Request, id: HeaderValue, trace: Trace, meter: Arc<Meter>) -> Self {
        meter.begin();
        Self {
            meter,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            peer: request.extensions().get().copied(),
            id,
            trace,
            start: Instant::now(),
            status: None,
            grpc: None,
        }
    }

    /// `-` for an answer that is not gRPC-web, `gone` for one the client did not wait for.
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

    /// None for an answer that is not gRPC-web.
    fn code(&self) -> Option<Code> {
        let status = self.grpc.as_ref()?.0.get();
        Some(status.map_or(Code::Cancelled, |status| {
            Code::from_bytes(status.as_bytes())
        }))
    }
}

impl Drop for Line {
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
            peer = self.peer.map(|Peer(address)| tracing::field::display(address)),
            "request"
        );
        if let Some(mut span) = self.trace.span.take() {
            traced::answered(&mut span, &self.id, self.status);
            if let Some(code) = self.code() {
                traced::concluded(&mut span, code);
            }
        }
        let route = meter::route(&self.method, &self.path);
        self.meter.end(route, self.start, self.status, self.code());
    }
}
