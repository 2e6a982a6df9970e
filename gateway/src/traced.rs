//! The two spans of a call that is traced: the browser's call to the gateway, and the gateway's to the service.
//!
//! The gateway is where traces begin. It trusts nobody's sampled flag, and tells the services what it decided, by `traceparent`.
//! `tracestate` goes along with a `traceparent` that is one; `baggage` stays here, since anyone can write anything into it.

use axum::extract::Request;
use http::{HeaderValue, Method, StatusCode, Uri};
use shared::{
    metrics::code_name,
    trace::{Parent, Span, SpanKind, Trace, TraceParent, Tracing, blames_server},
};
use tonic::Code;

use crate::contract::Contract;

/// What the names of all services behind the gateway begin with.
const SERVICES: &str = "/tandem.";

/// Decides about a request. Only calls are traced; other requests may have a trace of their client's.
pub(crate) fn arrive(tracing: &Tracing, contract: &Contract, request: &mut Request) -> Trace {
    if request.method() != Method::POST || !request.uri().path().starts_with(SERVICES) {
        let id = TraceParent::of(request.headers()).map(|parent| parent.trace_id);
        return Trace { id, span: None };
    }
    let method = contract.method(request.uri().path());
    let mut trace = tracing.arrive_at_edge(request.headers_mut(), method);
    if let Some(span) = &mut trace.span {
        span.set("http.request.method", "POST");
        describe(span, method);
        request.extensions_mut().insert(span.parent());
    }
    trace
}

/// Sets what is known when the request has been answered.
pub(crate) fn answered(span: &mut Span, request_id: &HeaderValue, status: Option<StatusCode>) {
    if let Ok(id) = request_id.to_str() {
        span.set("tandem.request_id", id.to_owned());
    }
    if let Some(status) = status {
        let status = i64::from(status.as_u16());
        span.set("http.response.status_code", status);
    }
}

/// Sets the status of gRPC.
pub(crate) fn concluded(span: &mut Span, code: Code) {
    span.set("rpc.response.status_code", code_name(code));
    if blames_server(code) {
        span.fail(code_name(code));
    }
}

fn describe(span: &mut Span, method: &str) {
    span.set("rpc.system.name", "grpc");
    span.set("rpc.method", method.to_owned());
}

/// The call to a service. Its span ends with the answer, or when this is dropped because the client has gone.
#[derive(Debug)]
pub(crate) struct Onwards(Span);

impl Onwards {
    /// Begins it on behalf of a request that is traced, and has the service told by the request's headers. Where it goes is
    /// known beforehand if the service has one upstream.
    pub(crate) fn begin(
        contract: &Contract,
        service: &[Uri],
        request: &mut Request,
    ) -> Option<Self> {
        let parent = request.extensions().get::<Parent>()?;
        let method = contract.method(request.uri().path());
        let mut span = parent.begin(SpanKind::Client, method.to_owned());
        describe(&mut span, method);
        if let [service] = service
            && let Some(host) = service.host()
        {
            span.set("server.address", host.to_owned());
            span.set("server.port", i64::from(service.port_u16().unwrap_or(80)));
        }
        let header = span.traceparent().header();
        request.headers_mut().insert("traceparent", header);
        Some(Self(span))
    }

    /// Ends it with the status of the answer.
    pub(crate) fn end(mut self, status: Option<&HeaderValue>) {
        // For a caller every code but OK is an error.
        let code = status.map_or(Code::Unavailable, |status| {
            Code::from_bytes(status.as_bytes())
        });
        self.0.set("rpc.response.status_code", code_name(code));
        if code != Code::Ok {
            self.0.fail(code_name(code));
        }
    }
}
