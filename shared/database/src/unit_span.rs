//! The span of a unit of work (OpenTelemetry semantic conventions for databases).
//!
//! Each unit of a traced call has one, from the moment it is queued. It shows the unit's function, how long the unit waited, and how
//! it ended. The function leads to the statements, so their text is not repeated. It holds no parameters.

use telemetry::trace::{self, Span, SpanKind};
use tokio::time::Instant;

use crate::error::Error;

pub(super) struct UnitSpan {
    span: Span,
    queued: Instant,
    ended: bool,
}

impl UnitSpan {
    /// None for work outside of a traced call. `unit` is the type name of the unit's closure, or of its function.
    pub(super) fn begin(unit: &'static str, database: Option<&str>) -> Option<Self> {
        let parent = trace::current()?;
        let function = unit.split("::{{closure}}").next().unwrap_or_default();
        let mut span = parent.begin(SpanKind::Client, name(function));
        span.set("db.system.name", "postgresql");
        span.set("code.function.name", function);
        if let Some(database) = database {
            span.set("db.namespace", database.to_owned());
        }
        Some(Self {
            span,
            queued: Instant::now(),
            ended: false,
        })
    }

    /// Ends the span of a unit that never began.
    pub(super) fn refuse(mut self, error: &Error) {
        self.ended = true;
        self.fail(error);
    }

    /// Records how long the unit waited for its lane, and with how many units it runs.
    pub(super) fn begin_work(&mut self, batch: usize) {
        let waited = self.queued.elapsed().as_secs_f64();
        self.span.set("tandem.queue.wait", waited);
        if batch > 1 {
            let batch = i64::try_from(batch).unwrap_or(i64::MAX);
            self.span.set("db.operation.batch.size", batch);
        }
    }

    /// Ends the span of a unit that ran.
    pub(super) fn end(mut self, error: Option<&Error>) {
        self.ended = true;
        if let Some(error) = error {
            self.fail(error);
        }
    }

    fn fail(&mut self, error: &Error) {
        if let Some(code) = error.sqlstate() {
            self.span.set("db.response.status_code", code);
        }
        self.span.fail(error.name());
    }
}

/// Ends the span of a unit whose caller was cancelled, or that was abandoned because the database fell silent.
impl Drop for UnitSpan {
    fn drop(&mut self) {
        if !self.ended {
            self.span.fail("given_up");
        }
    }
}

/// `tasks.get` for `task_service::tasks::Tasks::get`.
fn name(function: &str) -> String {
    let plain = function.split('<').next().unwrap_or_default();
    let mut parts = plain.rsplit("::").filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some(verb), Some(noun)) => format!("{}.{verb}", noun.to_ascii_lowercase()),
        (Some(verb), None) => verb.to_owned(),
        (None, _) => "unit".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_named_after_the_function_of_its_unit() {
        for (function, named) in [
            ("task_service::tasks::Tasks::get", "tasks.get"),
            ("auth_service::feed::publisher::read", "publisher.read"),
            ("lone", "lone"),
            ("<a::B as c::D>::e", "unit"),
            ("", "unit"),
        ] {
            assert_eq!(name(function), named);
        }
    }
}
