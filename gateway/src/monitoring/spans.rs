//! The two spans of a traced call: the browser's call to the gateway, and the gateway's call to the service. The first one of a
//! request for the REST API is named by its method and route.
//!
//! Traces begin at the gateway. It ignores the sampled flag of clients, decides itself, and passes its decision to the
//! services in `traceparent`. A `tracestate` is passed on with a valid `traceparent`. `baggage` is not passed on, because
//! anyone can write anything into it.

use axum::extract::Request;
use contract::code::code_name;
use http::{HeaderValue, Method, StatusCode, request::Parts};
use telemetry::trace::{Parent, Span, SpanKind, Trace, TraceParent, Tracing, is_server_error};
use tonic::Code;

use crate::{
    routes::{is_call, rest_route},
    rpc_catalog::RpcCatalog,
};

/// The OpenTelemetry attribute of a gRPC code (semantic conventions for RPC).
const GRPC_CODE: &str = "rpc.response.status_code";

/// Decides whether the request is traced. Only calls and operations of REST are; another request can still have the trace id of its
/// client.
pub(super) fn start(tracing: &Tracing, catalog: &RpcCatalog, request: &mut Request) -> Trace {
    let path = request.uri().path();
    let rpc = is_call(request.method(), path).then(|| catalog.method(path));
    let route = rest_route(path);
    let http_method = known_method(request.method());
    let name = match (rpc, route) {
        (Some(rpc), _) => rpc.to_owned(),
        (None, Some(route)) => format!("{http_method} {route}"),
        (None, None) => {
            let id = TraceParent::of(request.headers()).map(|parent| parent.trace_id);
            return Trace { id, span: None };
        }
    };
    let mut trace = tracing.start_edge_call(request.headers_mut(), &name);
    if let Some(span) = &mut trace.span {
        span.set("http.request.method", http_method);
        match (rpc, route) {
            (Some(rpc), _) => set_method(span, rpc),
            (None, Some(route)) => span.set("http.route", route),
            (None, None) => {}
        }
        request.extensions_mut().insert(span.parent());
    }
    trace
}

/// Another method is text of the client, so it is never a name.
fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE",
    ];
    let known = KNOWN.into_iter().find(|known| *known == method.as_str());
    known.unwrap_or("_OTHER")
}

/// The span of a request that is no call is an error for the statuses of errors of the server.
pub(super) fn fail_of_server(span: &mut Span, status: Option<StatusCode>) {
    if let Some(status) = status.filter(StatusCode::is_server_error) {
        span.fail(status.as_str().to_owned());
    }
}

/// Sets the request id, and the HTTP status of the answer if there was one.
pub(super) fn set_http_status(
    span: &mut Span,
    request_id: &HeaderValue,
    status: Option<StatusCode>,
) {
    if let Ok(id) = request_id.to_str() {
        span.set("tandem.request_id", id.to_owned());
    }
    if let Some(status) = status {
        let status = i64::from(status.as_u16());
        span.set("http.response.status_code", status);
    }
}

/// Sets the gRPC status of the answer.
pub(super) fn set_grpc_status(span: &mut Span, code: Code) {
    span.set(GRPC_CODE, code_name(code));
    if is_server_error(code) {
        span.fail(code_name(code));
    }
}

fn set_method(span: &mut Span, method: &str) {
    span.set("rpc.system.name", "grpc");
    span.set("rpc.method", method.to_owned());
}

/// The span of a call to a service. It ends with the answer, or when this is dropped because the client went away.
#[derive(Debug)]
pub(crate) struct UpstreamSpan(Span);

impl UpstreamSpan {
    /// Starts it if the request is traced, and passes it to the service in the request's headers. `server` is the host and
    /// port of the service, if there is only one.
    pub(crate) fn start(
        catalog: &RpcCatalog,
        server: Option<(&str, u16)>,
        request: &mut Parts,
    ) -> Option<Self> {
        let parent = request.extensions.get::<Parent>()?;
        let method = catalog.method(request.uri.path());
        let mut span = parent.begin(SpanKind::Client, method.to_owned());
        set_method(&mut span, method);
        if let Some((host, port)) = server {
            span.set("server.address", host.to_owned());
            span.set("server.port", i64::from(port));
        }
        let header = span.traceparent().header();
        request.headers.insert("traceparent", header);
        Some(Self(span))
    }

    /// Ends it with the status of the answer.
    pub(crate) fn end(mut self, status: Option<&HeaderValue>) {
        // For a caller every code but OK is an error.
        let code = status.map_or(Code::Unavailable, |status| {
            Code::from_bytes(status.as_bytes())
        });
        self.0.set(GRPC_CODE, code_name(code));
        if code != Code::Ok {
            self.0.fail(code_name(code));
        }
    }
}
