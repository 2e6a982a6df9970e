//! Traces: which calls are traced, and the spans of those that are.
//!
//! Promises:
//! - **Whether a call is traced is decided before anything is built for it.** For a call that is not traced, one
//!   header is read, and at the edge one is written; it has no span object and no attribute.
//! - **No global.** A [`Tracing`] belongs to one service and is passed as an argument, so that several services can share a process.
//!   The span of a call ([`current`]) is a task-local value, and is passed on where work moves to another task.
//! - **No call waits for telemetry.** Spans go into a bounded queue; what finds it full is dropped and counted ([`Otlp`]).
//! - **An untrusted caller cannot make it expensive.** Its sampled flag is followed a few times a second.
//! - **No secret in a span.** A span holds names, codes, counts and durations; never a parameter, a header or a message.
//!
//! Trace context crosses processes as W3C Trace Context (`traceparent`, `tracestate`); `baggage` is not read.

mod collector;
mod delivery;
mod exporters;
mod otlp;
mod sampling;
mod span;
mod status_code;
mod traceparent;

use std::{fmt, sync::Arc};

use http::HeaderMap;
pub use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry_sdk::trace::SdkTracer;
use tokio::time::Instant;

use self::sampling::Sampling;
pub use self::{
    collector::StartError,
    exporters::CollectorMetricExporter,
    otlp::Otlp,
    span::{Parent, Span, current, within},
    status_code::is_server_error,
    traceparent::TraceParent,
};

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// Begins the traces of one service. Cheap to clone. It is off unless an [`Otlp`] made it.
#[derive(Clone, Default)]
pub struct Tracing(Option<Arc<Tracer>>);

/// Makes the spans of one service.
struct Tracer {
    sdk: SdkTracer,
    sampling: Sampling,
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.0.is_some() { "on" } else { "off" };
        f.debug_tuple("Tracing").field(&state).finish()
    }
}

/// The trace that a call belongs to.
#[derive(Debug, Default)]
pub struct Trace {
    /// For log lines; none if the call belongs to no trace.
    pub id: Option<TraceId>,
    /// The span of the call; none if it is not traced here.
    pub span: Option<Span>,
}

impl Tracing {
    fn on(tracer: Tracer) -> Self {
        Self(Some(Arc::new(tracer)))
    }

    /// Tracing that is off.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// Decides about a call that arrived with these headers, and begins its span `name` if it is traced. `trusted` says whether
    /// the sampled flag of its `traceparent` is followed without a limit; it is called only if that flag is set. A malformed
    /// `traceparent` is ignored (W3C Trace Context, section 3.2).
    #[must_use]
    pub fn start_call(
        &self,
        headers: &HeaderMap,
        trusted: impl FnOnce() -> bool,
        name: &str,
    ) -> Trace {
        let parent = TraceParent::of(headers);
        let Some(tracer) = self.tracer_if_chosen(parent, trusted) else {
            let id = parent.map(|parent| parent.trace_id);
            return Trace { id, span: None };
        };
        let context = parent.map(|parent| parent.context(headers));
        let span = Span::begin(tracer, SpanKind::Server, name.to_owned(), context);
        Trace {
            id: Some(span.trace_id()),
            span: Some(span),
        }
    }

    /// [`Self::start_call`] for calls from outside: no caller is trusted, and the decision is written into the `traceparent` of the
    /// headers, so that the services behind follow it. If tracing is off, the headers are not changed.
    #[must_use]
    pub fn start_edge_call(&self, headers: &mut HeaderMap, name: &str) -> Trace {
        let mut trace = self.start_call(headers, || false, name);
        let Some(tracer) = &self.0 else { return trace };
        let received = TraceParent::of(headers);
        if received.is_none() {
            headers.remove(TRACESTATE);
        }
        let outgoing = match &trace.span {
            Some(span) => span.traceparent(),
            None => TraceParent {
                sampled: false,
                ..received.unwrap_or_else(|| tracer.sampling.untraced())
            },
        };
        trace.id = Some(outgoing.trace_id);
        headers.insert(TRACEPARENT, outgoing.header());
        trace
    }

    /// Begins a new trace, for rare work that no call asked for. None when tracing is off or its ratio is zero.
    #[must_use]
    pub fn begin(&self, kind: SpanKind, name: &'static str) -> Option<Span> {
        let tracer = self.0.as_ref().filter(|tracer| tracer.sampling.is_on())?;
        Some(Span::begin(tracer, kind, name, None))
    }

    /// The tracer, if this call is chosen.
    fn tracer_if_chosen(
        &self,
        parent: Option<TraceParent>,
        trusted: impl FnOnce() -> bool,
    ) -> Option<&Arc<Tracer>> {
        let tracer = self.0.as_ref()?;
        let asked = parent.map(|parent| parent.sampled);
        let chosen = tracer.sampling.decide(asked, trusted, Instant::now);
        chosen.then_some(tracer)
    }
}
