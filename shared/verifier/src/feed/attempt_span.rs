//! The span of one attempt to follow the feed. Without the feature `telemetry` there is none.

#[cfg(not(feature = "telemetry"))]
pub(super) use self::absent::{AttemptSpan, AttemptTracer};
#[cfg(feature = "telemetry")]
pub(super) use self::recorded::{AttemptSpan, AttemptTracer};

#[cfg(feature = "telemetry")]
mod recorded {
    use telemetry::trace::{Span, SpanKind, Tracing};
    use tonic::{Request, metadata::MetadataValue};

    use super::super::{WATCH_RPC, interruption::Interruption};

    #[derive(Default)]
    pub(crate) struct AttemptTracer(pub(crate) Tracing);

    pub(crate) struct AttemptSpan(Option<Span>);

    impl AttemptTracer {
        pub(crate) fn begin(&self) -> AttemptSpan {
            let mut span = self.0.begin(SpanKind::Client, WATCH_RPC);
            if let Some(span) = &mut span {
                span.set("rpc.system.name", "grpc");
                span.set("rpc.method", WATCH_RPC);
            }
            AttemptSpan(span)
        }
    }

    impl AttemptSpan {
        /// Makes the auth service's span of `request` a child of this one.
        pub(crate) fn propagate<M>(&self, request: &mut Request<M>) {
            let Some(span) = &self.0 else { return };
            let header = span.traceparent().header();
            let value = MetadataValue::try_from(header.as_bytes());
            let value = value.expect("hexadecimal digits and dashes are metadata");
            request.metadata_mut().insert("traceparent", value);
        }

        /// Every attempt ends with an interruption.
        pub(crate) fn end(self, interruption: &Interruption) {
            if let Some(mut span) = self.0 {
                span.fail(interruption.name());
            }
        }
    }
}

#[cfg(not(feature = "telemetry"))]
mod absent {
    use tonic::Request;

    use super::super::interruption::Interruption;

    #[derive(Default)]
    pub(crate) struct AttemptTracer;

    pub(crate) struct AttemptSpan;

    impl AttemptTracer {
        pub(crate) const fn begin(&self) -> AttemptSpan {
            AttemptSpan
        }
    }

    impl AttemptSpan {
        pub(crate) const fn propagate<M>(&self, _request: &mut Request<M>) {}

        pub(crate) const fn end(self, _interruption: &Interruption) {}
    }
}
