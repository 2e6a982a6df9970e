//! The span of a unit of work (OpenTelemetry semantic conventions for databases).
//!
//! One for each unit of a call that is traced, from the moment it is queued: how long it waited, which statements it sent, how it
//! ended. Statements are named by their first words; parameters are not known here.

use tokio::time::Instant;

use super::error::Error;
use crate::trace::{self, Parent, Span, SpanKind};

/// Statements that are named.
const NAMED: usize = 16;

pub(super) struct UnitSpan {
    span: Span,
    parent: Parent,
    queued: Instant,
    ended: bool,
}

impl UnitSpan {
    /// None for work on behalf of nobody, or of a call that is not traced. `unit` is the type of the closure that is the work.
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
            parent,
            queued: Instant::now(),
            ended: false,
        })
    }

    /// Ends the span of a unit that never began.
    pub(super) fn refuse(mut self, error: &Error) {
        self.ended = true;
        self.fail(error);
    }

    /// Ends the span of a unit that sent these statements.
    pub(super) fn end(mut self, statements: &[String], error: Option<&Error>) {
        self.ended = true;
        let count = i64::try_from(statements.len()).unwrap_or(i64::MAX);
        self.span.set("tandem.statements", count);
        let named = &statements[..statements.len().min(NAMED)];
        self.span.set("db.query.summary", named.join("; "));
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

/// Ends the span of a unit that nobody waits for any more, or that was given up because the database fell silent.
impl Drop for UnitSpan {
    fn drop(&mut self) {
        if !self.ended {
            self.span.fail("given_up");
        }
    }
}

/// Does the work of a unit, and gives the statements it sent if it is traced.
pub(super) async fn run<F: Future>(
    traced: &mut Option<UnitSpan>,
    work: F,
) -> (F::Output, Vec<String>) {
    match traced {
        None => (work.await, Vec::new()),
        Some(traced) => {
            let waited = traced.queued.elapsed().as_secs_f64();
            traced.span.set("tandem.queue.wait", waited);
            traced.parent.statements().of(work).await
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
    fn a_span_is_named_after_the_function_its_work_stands_in() {
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
