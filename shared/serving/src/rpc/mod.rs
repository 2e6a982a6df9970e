//! The layer around every call.
//!
//! Before the method: arrival → deadline → access policy → message → a place among the calls in flight. After the method: every
//! refusal gets its details (`ErrorInfo` and `RequestInfo`). When the call has ended, one access line is logged. One tower service does all of it, so
//! that the order can be read in one place and a call costs one boxed future.

mod admission;
mod call_headers;
mod call_metrics;
mod call_span;
mod compression;
mod context;
mod message;
mod only_grpc;
mod places;
mod refusal_details;
mod stream_end;

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use contract::refusal::{Reason, refuse_request, refuse_with_reason};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderValue, Request, Response};
use http_body::Body as _;
use telemetry::trace::{self, Trace};
use tokio::time::Instant;
use tonic::{Status, body::Body};
use tower::Service;
use tracing::{Instrument as _, Span};
use transport::connections::{ReceiveBy, StreamsEnd};

use self::{admission::Admitted, call_headers::OpenedCall, call_metrics::CallMetrics};
use crate::{access::Rpc, access_line::AccessLine, caller::Caller};

pub use self::message::MAX_MESSAGE_BYTES;
pub(crate) use self::{
    call_metrics::RpcMetrics, context::CallContext, only_grpc::refuse_other, places::CallPlaces,
    refusal_details::library_reason,
};

/// The age of the revocation data, if a token was accepted although that data is stale. Absent otherwise.
const STALENESS: &str = "tandem-revocation-staleness-ms";

/// The layer in front of the services of a server.
#[derive(Debug, Clone)]
pub(crate) struct CallLayer<S> {
    pub(crate) context: Arc<CallContext>,
    pub(crate) inner: S,
}

impl<S> Service<Request<Body>> for CallLayer<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The instance that was polled ready is the one that must be called.
        let fresh = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, fresh);
        let context = Arc::clone(&self.context);
        async move { Ok(context.handle(inner, request).await) }.boxed()
    }
}

/// What is known about a call from its arrival and is needed after its method.
struct Arrival {
    rpc: Option<Rpc>,
    time: Instant,
    deadline: Instant,
    request_id: String,
    /// When the streams of its connection must end.
    streams_end: Option<StreamsEnd>,
    metrics: CallMetrics,
    trace: Trace,
}

impl Arrival {
    fn is_streaming(&self) -> bool {
        self.rpc.is_some_and(|rpc| rpc.streaming)
    }
}

impl CallContext {
    /// Handles a call from its arrival to its answer.
    async fn handle<S>(&self, inner: S, request: Request<Body>) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let (arrival, opened) = self.arrive(&request);
        let log_span = tracing::info_span!(
            "rpc",
            request_id = arrival.request_id,
            trace_id = arrival.trace.id.map(tracing::field::display)
        );
        let mut caller = None;
        let answer = match self.admit(arrival.rpc, opened, request, &mut caller) {
            Ok(admitted) => {
                let parent = arrival.trace.span.as_ref().map(trace::Span::parent);
                trace::within(parent, self.answer(inner, admitted, &arrival))
                    .instrument(log_span.clone())
                    .await
            }
            Err(status) => status.into_http(),
        };
        self.finish(arrival, answer, caller, &log_span)
    }

    /// Reads the headers of a call, and begins to count and to trace it.
    fn arrive(&self, request: &Request<Body>) -> (Arrival, OpenedCall) {
        let time = Instant::now();
        let rpc = self.policy.find(request.uri().path());
        let mut metrics = self.metrics.begin(rpc.map(|rpc| rpc.number), time);
        let opened =
            call_headers::open(request, time, self.max_deadline(rpc), &self.trusted_proxies);
        let trace = call_span::begin(&self.tracing, &self.trusted_proxies, rpc, request);
        if !rpc.is_some_and(|rpc| rpc.infrastructure) {
            metrics.line = Some(self.access_line(rpc, request, &opened, &trace));
        }
        let arrival = Arrival {
            rpc,
            time,
            deadline: opened.call.deadline,
            request_id: opened.call.request_id.clone(),
            streams_end: request.extensions().get().cloned(),
            metrics,
            trace,
        };
        (arrival, opened)
    }

    /// The access line of a call, as far as it is known at its arrival.
    fn access_line(
        &self,
        rpc: Option<Rpc>,
        request: &Request<Body>,
        opened: &OpenedCall,
        trace: &Trace,
    ) -> AccessLine {
        // Another path is text of the client.
        let path = rpc.map(|_served| request.uri().path());
        AccessLine {
            service: self.service,
            method: request.method().clone(),
            path: path.map(str::to_owned),
            rpc: path.map(|path| path.trim_start_matches('/').to_owned()),
            status: None,
            code: None,
            reason: None,
            request_id: opened.call.request_id.clone(),
            trace_id: trace.id,
            peer: opened.call.peer,
            user: None,
            session: None,
        }
    }

    /// Streams have no maximum; unary calls have.
    fn max_deadline(&self, rpc: Option<Rpc>) -> Option<Duration> {
        match rpc {
            Some(rpc) if rpc.streaming => None,
            _ => Some(self.max_deadline),
        }
    }

    /// The answer of the method, or the reason why there is none in time.
    async fn answer<S>(&self, inner: S, admitted: Admitted, arrival: &Arrival) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let deadline = admitted.call.deadline;
        let method = AssertUnwindSafe(self.call_method(inner, admitted, arrival)).catch_unwind();
        tokio::select! {
            biased;
            answered = method => match answered {
                Ok(Ok(response)) => response,
                Ok(Err(refused)) => refused.into_http(),
                // The panic hook has logged it.
                Err(_panic) => refuse_with_reason(Reason::Internal).into_http(),
            },
            () = tokio::time::sleep_until(deadline) => refuse_with_reason(Reason::DeadlineExceeded).into_http(),
            () = self.abort.cancelled() => refuse_with_reason(Reason::Draining).into_http(),
        }
    }

    /// Receives the message, takes a place among the calls in flight, and calls the method. The answer holds the place until it is
    /// sent.
    async fn call_method<S>(
        &self,
        mut inner: S,
        admitted: Admitted,
        arrival: &Arrival,
    ) -> Result<Response<Body>, Status>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let Admitted {
            principal,
            mut request,
            ..
        } = admitted;
        if arrival.rpc.is_some_and(|rpc| !rpc.client_streaming) {
            let arriving = &self.places.arriving;
            let bytes = arriving.bytes(principal);
            let received = message::receive(request, arrival.time, self.body_timeout, bytes);
            let refuse = |reason| match reason {
                Reason::CompressionUnsupported => compression::refuse(),
                reason => refuse_request(reason, &arrival.request_id),
            };
            request = arriving
                .receive(principal, received)
                .await
                .map_err(refuse)?;
        }
        let place = self.places.take(arrival.rpc, principal)?;
        let answer = match inner.call(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        if answer.body().is_end_stream() {
            return Ok(answer);
        }
        let id = arrival.request_id.clone();
        Ok(answer.map(|body| Body::new(place.hold(body, Some(id)))))
    }

    /// Completes an answer, and counts and traces it. Its access line is logged with its end.
    fn finish(
        &self,
        mut arrival: Arrival,
        answer: Response<Body>,
        caller: Option<Caller>,
        log_span: &Span,
    ) -> Response<Body> {
        let (mut answer, reason) =
            log_span.in_scope(|| refusal_details::complete(answer, &arrival.request_id));
        let reason = reason.as_deref();
        if arrival.is_streaming()
            && let Some(end) = arrival.streams_end.take()
        {
            answer = stream_end::end_with(answer, end, arrival.request_id.clone());
        }
        answer.extensions_mut().insert(ReceiveBy {
            end: arrival.deadline.checked_add(self.answer_grace),
            streaming: arrival.is_streaming(),
        });
        if caller.is_some() {
            self.add_staleness(&mut answer);
        }
        if let Some(line) = &mut arrival.metrics.line {
            line.status = Some(answer.status());
            line.reason = reason.map(str::to_owned);
            line.user = caller.map(|caller| caller.user_id);
            line.session = caller.map(|caller| caller.session_id);
        }
        if let Some(reason) = reason {
            self.metrics.refused(reason);
        }
        let streaming = arrival.is_streaming();
        let answer = arrival.metrics.count(answer, streaming);
        call_span::end(arrival.trace.span, answer, &arrival.request_id, reason)
    }

    /// Adds the age of the revocation data, if it is stale.
    fn add_staleness(&self, answer: &mut Response<Body>) {
        if let Some(age) = self.verifier.staleness() {
            let age = HeaderValue::from(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
            answer.headers_mut().insert(STALENESS, age);
        }
    }
}
