//! Logs: how every binary writes its `tracing` events.
//!
//! Lines go to **standard error** in every binary. Standard output is for results: the commands that
//! `standalone` prints, the listing of `print-config`. Container platforms collect both.
//!
//! All lines, also those of panics and of [`print()`], go through one bounded queue to a thread of its own. If the reader of standard
//! error is slow or stalls, no other thread waits for it: lines are dropped, counted, and reported in one line once there is room.
//!
//! A JSON line has `timestamp` (RFC 3339, UTC), `level`, `target`, `message`, the event's fields beside them, and `span` with the
//! name and fields of the current span.

use std::any::Any;
use std::fmt::Display;
use std::io::{self, IsTerminal as _};
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Registry, fmt};

mod line_queue;
mod settings;

pub use self::line_queue::LogLoss;
use self::line_queue::{LineQueue, LineWriter};
pub use self::settings::{Log, LogFormat, LogLevel, log};

/// How long a process waits at its end until the queued lines are written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The lines for the standard error of this process.
static STANDARD_ERROR: LazyLock<Arc<LineQueue>> = LazyLock::new(|| {
    LineQueue::start(io::stderr(), |lines| {
        tracing::warn!(
            lines,
            "log lines were lost: standard error was too slow or failed"
        );
    })
});

/// Starts logging for the process, and logs panics.
///
/// # Errors
/// Logging was started before.
pub fn init(log: &Log) -> Result<(), TryInitError> {
    let terminal = io::stderr().is_terminal();
    subscriber(log, || LineWriter(&STANDARD_ERROR), terminal).try_init()?;
    log_panics();
    Ok(())
}

/// Prints a text and a newline on standard error, after the lines that were logged before.
pub fn print(text: impl Display) {
    STANDARD_ERROR.push(format!("{text}\n").as_bytes());
}

/// Waits until everything that was logged and printed is written, one second at most. To be called at the end of `main`.
pub fn flush() {
    STANDARD_ERROR.flush(FLUSH_TIMEOUT);
}

/// How many lines this process has lost for this cause.
pub(crate) fn lost(cause: LogLoss) -> u64 {
    STANDARD_ERROR.lost(cause)
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
    // Such a panic ends the process. One on any other thread must not wait for the reader of standard error.
    if thread == "main" {
        flush();
    }
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
