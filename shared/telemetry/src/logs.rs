//! Logs: how every binary writes its `tracing` events.
//!
//! Lines go to **standard error** in every binary. Standard output is for results: the commands that
//! `standalone` prints, the listing of `print-config`. Container platforms collect both.
//!
//! A JSON line has `timestamp` (RFC 3339, UTC), `level`, `target`, `message`, the event's fields beside them, and `span` with the
//! name and fields of the current span.

use std::any::Any;
use std::io::{self, IsTerminal as _};
use std::panic::{self, PanicHookInfo};

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Registry, fmt};

mod settings;

pub use self::settings::{Log, LogFormat, LogLevel, log};

/// Starts logging for the process, and logs panics.
///
/// # Errors
/// Logging was started before.
pub fn init(log: &Log) -> Result<(), TryInitError> {
    let terminal = io::stderr().is_terminal();
    subscriber(log, io::stderr, terminal).try_init()?;
    log_panics();
    Ok(())
}

/// The subscriber that [`init`] starts, for any writer: tests read the lines from a buffer. `terminal` is true if the writer is a
/// terminal.
pub fn subscriber<W>(log: &Log, writer: W, terminal: bool) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !terminal,
    };
    let lines = fmt::layer().with_writer(writer);
    let lines = if json {
        lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed()
    } else {
        lines.with_ansi(terminal).boxed()
    };
    let filter = log
        .level
        .targets()
        .and(filter_fn(is_for_operators).with_max_level_hint(LevelFilter::TRACE));
    Box::new(Registry::default().with(lines.with_filter(filter)))
}

/// The SDK of OpenTelemetry reports faults as WARN and ERROR; its other lines describe how it works inside.
fn is_for_operators(event: &Metadata<'_>) -> bool {
    !event.target().starts_with("opentelemetry") || *event.level() <= Level::WARN
}

/// Logs every panic of the process as one ERROR line with message and place, instead of text between the lines.
pub fn log_panics() {
    panic::set_hook(Box::new(log_panic));
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    tracing::error!(
        place,
        thread,
        panic = one_line(message(panic.payload())),
        "panicked"
    );
}

/// Only texts are logged: a payload of another type may hold a secret.
fn message(payload: &dyn Any) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        return text;
    }
    payload
        .downcast_ref::<String>()
        .map_or("a value that is not text", String::as_str)
}

fn one_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" ")
}
