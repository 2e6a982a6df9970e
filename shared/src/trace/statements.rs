//! Which statements a unit of work sends, for its span.
//!
//! The database driver tells of each statement in an event of its own, which is made only if somebody takes it. Here somebody
//! does, for the time of a unit that is traced; units that are not do not pay for it.

use std::{cell::RefCell, fmt};

use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    instrument::WithSubscriber as _,
    level_filters::LevelFilter,
    span,
    subscriber::Interest,
};

/// Where the driver tells of statements.
const TARGET: &str = "sqlx::query";

tokio::task_local! {
    static SEEN: RefCell<Vec<String>>;
}

/// Takes the driver's events, and hands all others on.
#[derive(Clone)]
pub(crate) struct Statements(Dispatch);

impl Statements {
    /// Hands on to what takes the events of the current thread.
    pub(super) fn new() -> Self {
        let others = tracing::dispatcher::get_default(Dispatch::clone);
        let level = LevelFilter::current().max(LevelFilter::DEBUG);
        Self(Dispatch::new(Taking { others, level }))
    }

    /// Does `work`, and gives with its result the beginning of each statement it has sent. No parameter is among it.
    pub(crate) async fn of<F: Future>(&self, work: F) -> (F::Output, Vec<String>) {
        let dispatch = self.0.clone();
        SEEN.scope(RefCell::default(), async {
            let done = work.with_subscriber(dispatch).await;
            (done, SEEN.with(RefCell::take))
        })
        .await
    }
}

struct Taking {
    others: Dispatch,
    level: LevelFilter,
}

fn of_the_driver(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET && *metadata.level() <= Level::DEBUG
}

impl Subscriber for Taking {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if of_the_driver(metadata) {
            Interest::always()
        } else {
            self.others.register_callsite(metadata)
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        of_the_driver(metadata) || self.others.enabled(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        if of_the_driver(event.metadata()) {
            let note = |seen: &RefCell<_>| event.record(&mut Summary(&mut seen.borrow_mut()));
            let _outside_of_any_unit = SEEN.try_with(note);
        }
        if self.others.enabled(event.metadata()) {
            self.others.event(event);
        }
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        self.others.new_span(span)
    }

    fn record(&self, span: &span::Id, values: &span::Record<'_>) {
        self.others.record(span, values);
    }

    fn record_follows_from(&self, span: &span::Id, follows: &span::Id) {
        self.others.record_follows_from(span, follows);
    }

    fn enter(&self, span: &span::Id) {
        self.others.enter(span);
    }

    fn exit(&self, span: &span::Id) {
        self.others.exit(span);
    }

    fn clone_span(&self, id: &span::Id) -> span::Id {
        self.others.clone_span(id)
    }

    fn try_close(&self, id: span::Id) -> bool {
        self.others.try_close(id)
    }
}

/// Finds the beginning of the statement among the fields of the driver's event.
struct Summary<'a>(&'a mut Vec<String>);

impl Visit for Summary<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" {
            self.0.push(value.trim_end_matches(" …").to_owned());
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}
