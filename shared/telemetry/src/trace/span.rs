//! A span that is recorded, and how the work of a call finds it.

use std::{borrow::Cow, fmt, sync::Arc};

use opentelemetry::{
    Context, KeyValue, Value,
    trace::{
        Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, TraceId,
        Tracer as _,
    },
};
use opentelemetry_sdk::trace::Span as SdkSpan;

use super::{Tracer, traceparent::TraceParent};

tokio::task_local! {
    static CURRENT: Parent;
}

/// A span that has begun. It ends when it is dropped. A call that is not traced has none.
pub struct Span {
    sdk: Box<SdkSpan>,
    tracer: Arc<Tracer>,
}

/// The parent of further spans. Cheap to clone; it does not keep its span from ending.
#[derive(Clone)]
pub struct Parent {
    tracer: Arc<Tracer>,
    context: SpanContext,
}

impl Span {
    pub(super) fn begin(
        tracer: &Arc<Tracer>,
        kind: SpanKind,
        name: impl Into<Cow<'static, str>>,
        parent: Option<SpanContext>,
    ) -> Self {
        let context = match parent {
            Some(parent) => Context::new().with_remote_span_context(parent),
            None => Context::new(),
        };
        let builder = SpanBuilder::from_name(name).with_kind(kind);
        Self {
            sdk: Box::new(tracer.sdk.build_with_context(builder, &context)),
            tracer: Arc::clone(tracer),
        }
    }

    /// Sets an attribute.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.sdk.set_attribute(KeyValue::new(key, value));
    }

    /// Marks the span as failed. `kind` is one of a few words, such as a status code, so that failures can be grouped by it.
    pub fn fail(&mut self, kind: impl Into<Cow<'static, str>>) {
        let kind = kind.into();
        self.sdk
            .set_attribute(KeyValue::new("error.type", kind.clone()));
        self.sdk.set_status(Status::error(kind));
    }

    /// Begins spans under this one.
    #[must_use]
    pub fn parent(&self) -> Parent {
        Parent {
            tracer: Arc::clone(&self.tracer),
            context: self.sdk.span_context().clone(),
        }
    }

    /// The trace it belongs to.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.sdk.span_context().trace_id()
    }

    /// The trace context for calls to other processes on behalf of this span.
    #[must_use]
    pub fn traceparent(&self) -> TraceParent {
        let context = self.sdk.span_context();
        TraceParent {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            sampled: context.is_sampled(),
        }
    }
}

/// Shows the ids.
impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Span").field(&self.traceparent()).finish()
    }
}

impl Parent {
    /// Begins a span under this one.
    #[must_use]
    pub fn begin(&self, kind: SpanKind, name: impl Into<Cow<'static, str>>) -> Span {
        Span::begin(&self.tracer, kind, name, Some(self.context.clone()))
    }
}

/// Shows the ids.
impl fmt::Debug for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parent")
            .field(&self.context.trace_id())
            .field(&self.context.span_id())
            .finish()
    }
}

/// The span that the current task works for; none if its call is not traced.
#[must_use]
pub fn current() -> Option<Parent> {
    CURRENT.try_with(Parent::clone).ok()
}

/// Runs `work` with `parent` as [`current`].
pub async fn within<F: Future>(parent: Option<Parent>, work: F) -> F::Output {
    match parent {
        None => work.await,
        Some(parent) => CURRENT.scope(parent, work).await,
    }
}
