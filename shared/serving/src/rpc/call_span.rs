//! The span of a call, from its arrival to the last byte of its answer (OpenTelemetry semantic conventions for RPC).

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::Bytes;
use contract::code::code_name;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use telemetry::trace::{Span, Trace, Tracing, is_server_error};
use tonic::{Code, Status, body::Body};
use transport::{connections::Peer, network::Network};

use super::refusal_details;
use crate::access::Rpc;

/// The full name of the method; `_OTHER` for one that is not served, because its path is text of the client.
fn method_name(path: &str, rpc: Option<Rpc>) -> &str {
    if rpc.is_some() {
        path.trim_start_matches('/')
    } else {
        "_OTHER"
    }
}

/// Begins the span of a call, if the call is traced. Calls of health and reflection are not.
pub(super) fn begin(
    tracing: &Tracing,
    trusted: &[Network],
    rpc: Option<Rpc>,
    request: &Request<Body>,
) -> Trace {
    if rpc.is_some_and(|rpc| rpc.infrastructure) {
        return Trace::default();
    }
    let is_trusted = || {
        let peer = request.extensions().get::<Peer>();
        peer.is_some_and(|peer| {
            let address = peer.0.ip().to_canonical();
            trusted.iter().any(|network| network.contains(address))
        })
    };
    let method = method_name(request.uri().path(), rpc);
    let mut trace = tracing.start_call(request.headers(), is_trusted, method);
    if let Some(span) = &mut trace.span {
        span.set("rpc.system.name", "grpc");
        span.set("rpc.method", method.to_owned());
        if let Some(host) = request.uri().host() {
            span.set("server.address", host.to_owned());
        }
        if let Some(port) = request.uri().port_u16() {
            span.set("server.port", i64::from(port));
        }
    }
    trace
}

/// Ends the span with its answer: at once if the answer is a status alone, otherwise with the end of its body.
pub(super) fn end(
    span: Option<Span>,
    answer: Response<Body>,
    request_id: &str,
    reason: Option<&str>,
) -> Response<Body> {
    let Some(mut span) = span else { return answer };
    span.set("tandem.request_id", request_id.to_owned());
    if let Some(reason) = reason {
        span.set("tandem.reason", reason.to_owned());
    }
    let code = refusal_details::code(&answer);
    let mut open = OpenSpan { span, code };
    if code.is_some() {
        return answer;
    }
    answer.map(|body| {
        // The trailers replace it. If they never come, the client has gone away.
        open.code = Some(Code::Cancelled);
        Body::new(TracedBody { body, open })
    })
}

/// A span whose code may still change. The span gets it when this is dropped.
struct OpenSpan {
    span: Span,
    code: Option<Code>,
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(Code::Ok);
        self.span.set("rpc.response.status_code", code_name(code));
        if is_server_error(code) {
            self.span.fail(code_name(code));
        }
    }
}

/// A body that keeps its span open until it ends.
struct TracedBody {
    body: Body,
    open: OpenSpan,
}

impl http_body::Body for TracedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let next = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &next
            && let Some(status) = frame.trailers_ref().and_then(Status::from_header_map)
        {
            self.open.code = Some(status.code());
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
