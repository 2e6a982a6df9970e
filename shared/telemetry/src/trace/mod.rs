//! Traces: which calls are traced, and the spans of those that are.
//!
//! What is promised:
//! - **Whether a call is traced is decided before anything is built for it.** A call that is not traced costs the reading of one
//!   header, and at the edge the writing of one; there is no span object and no attribute for it.
//! - **No global.** A [`Tracing`] belongs to one service and is handed down, so that several services can share a process; the
//!   span that a call works for ([`current`]) is found in its task, and is carried along where work changes the task.
//! - **No call waits for telemetry.** Spans go into a bounded queue; what finds it full is dropped and counted ([`Otlp`]).
//! - **A stranger cannot make it expensive.** The sampled flag of a caller who is not trusted is honoured a few times a second.
//! - **No secret in a span.** Names, codes, counts and durations; never a parameter, a header or a message.
//!
//! Trace context crosses processes as W3C Trace Context (`traceparent`, `tracestate`); `baggage` is not read.

mod code;
mod collector;
mod delivery;
mod exporters;
mod otlp;
mod sampling;
mod span;
mod traceparent;

use std::{fmt, sync::Arc};

use http::HeaderMap;
pub use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry_sdk::trace::SdkTracer;
use tokio::time::Instant;

use self::sampling::Sampling;
pub use self::{
    code::blames_server,
    collector::StartError,
    exporters::CollectorMetricExporter,
    otlp::Otlp,
    span::{Parent, Span, current, within},
    traceparent::TraceParent,
};

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// Begins the traces of one service. Cheap to clone; off unless an [`Otlp`] made it.
#[derive(Clone, Default)]
pub struct Tracing(Option<Arc<Tracer>>);

/// What makes the spans of one service.
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

/// What is known of the trace a call belongs to.
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

    /// Tracing that traces nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// Decides about a call that arrived with these headers, and begins its span `name` if it is traced. `trusted` says whether
    /// the sampled flag of its `traceparent` is honoured without limit; it is asked only if that is set. A malformed
    /// `traceparent` counts as none (W3C Trace Context, section 3.2).
    #[must_use]
    pub fn arrive(&self, headers: &HeaderMap, trusted: impl FnOnce() -> bool, name: &str) -> Trace {
        let parent = TraceParent::of(headers);
        let Some(tracer) = self.tracer_of_next(parent, trusted) else {
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

    /// [`Self::arrive`] where calls come in from outside: nobody is trusted, and the headers leave it with a `traceparent` that
    /// tells what was decided, so that no service behind decides anew. Off, the headers stay as they came.
    #[must_use]
    pub fn arrive_at_edge(&self, headers: &mut HeaderMap, name: &str) -> Trace {
        let mut trace = self.arrive(headers, || false, name);
        let Some(tracer) = &self.0 else { return trace };
        let came = TraceParent::of(headers);
        if came.is_none() {
            headers.remove(TRACESTATE);
        }
        let onwards = match &trace.span {
            Some(span) => span.traceparent(),
            None => TraceParent {
                sampled: false,
                ..came.unwrap_or_else(|| tracer.sampling.untraced())
            },
        };
        trace.id = Some(onwards.trace_id);
        headers.insert(TRACEPARENT, onwards.header());
        trace
    }

    /// Begins a trace of this process's own: for work that is rare and worth it. None when off, or when nothing is to be traced.
    #[must_use]
    pub fn begin(&self, kind: SpanKind, name: &'static str) -> Option<Span> {
        let tracer = self.0.as_ref().filter(|tracer| tracer.sampling.any())?;
        Some(Span::begin(tracer, kind, name, None))
    }

    /// The tracer, if the next call is traced.
    fn tracer_of_next(
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
