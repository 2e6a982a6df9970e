//! A span that is recorded, and the way to it from work done on its behalf.

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

/// A span under way. It ends when it is dropped. There is none for a call that is not traced.
pub struct Span {
    sdk: Box<SdkSpan>,
    tracer: Arc<Tracer>,
}

/// What spans can be begun under. Cheap to clone, and does not keep the span from ending.
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
        under: Option<SpanContext>,
    ) -> Self {
        let above = Context::new();
        let above = match under {
            Some(context) => above.with_remote_span_context(context),
            None => above,
        };
        let builder = SpanBuilder::from_name(name).with_kind(kind);
        Self {
            sdk: Box::new(tracer.sdk.build_with_context(builder, &above)),
            tracer: Arc::clone(tracer),
        }
    }

    /// Sets an attribute.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.sdk.set_attribute(KeyValue::new(key, value));
    }

    /// Marks the span as failed. `kind` is one of few words, such as a status code: it is shown and counted by.
    pub fn fail(&mut self, kind: impl Into<Cow<'static, str>>) {
        let kind = kind.into();
        self.sdk
            .set_attribute(KeyValue::new("error.type", kind.clone()));
        self.sdk.set_status(Status::error(kind));
    }

    /// What spans can be begun under this one with.
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

    /// What another process is told when it is called on behalf of this span.
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

/// Shows which one it is.
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

/// Shows which one it is.
impl fmt::Debug for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parent")
            .field(&self.context.trace_id())
            .field(&self.context.span_id())
            .finish()
    }
}

/// What the current task works for; none if that is not traced.
#[must_use]
pub fn current() -> Option<Parent> {
    CURRENT.try_with(Parent::clone).ok()
}

/// Does `work` on behalf of `parent`.
pub async fn within<F: Future>(parent: Option<Parent>, work: F) -> F::Output {
    match parent {
        None => work.await,
        Some(parent) => CURRENT.scope(parent, work).await,
    }
}
