//! The lines of a log.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::io;
use std::sync::{Arc, Mutex};

use settings::Setting;
use telemetry::logs;
use telemetry::logs::{Log, LogFormat, LogLevel};
use tracing::subscriber::with_default;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        std::str::from_utf8(&bytes)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log(format: LogFormat, level: &str) -> Log {
    Log {
        format,
        level: LogLevel::parse(level).unwrap(),
    }
}

fn logged(log: &Log, terminal: bool, events: impl FnOnce()) -> Vec<String> {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    with_default(
        logs::subscriber(log, move || writer.clone(), terminal),
        events,
    );
    buffer.lines()
}

#[test]
fn a_json_line_has_the_message_its_fields_and_the_span() {
    let lines = logged(&log(LogFormat::Json, "info"), false, || {
        let _span = tracing::info_span!("auth.refresh", request_id = "r1").entered();
        tracing::info!(rows = 1, "refreshed");
    });
    assert_eq!(lines.len(), 1);
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["target"], "logs");
    assert_eq!(line["message"], "refreshed");
    assert_eq!(line["rows"], 1);
    assert_eq!(line["span"]["name"], "auth.refresh");
    assert_eq!(line["span"]["request_id"], "r1");
    assert!(chrono::DateTime::parse_from_rfc3339(line["timestamp"].as_str().unwrap()).is_ok());
}

#[test]
fn auto_is_json_unless_on_a_terminal_where_it_is_coloured_text() {
    let event = || tracing::info!("hello");
    let piped = logged(&log(LogFormat::Auto, "info"), false, event);
    assert!(serde_json::from_str::<serde_json::Value>(&piped[0]).is_ok());
    let shown = logged(&log(LogFormat::Auto, "info"), true, event);
    assert!(
        shown[0].contains("\u{1b}[") && shown[0].contains("hello"),
        "{shown:?}"
    );
    let plain = logged(&log(LogFormat::Human, "info"), false, event);
    assert!(
        !plain[0].contains('\u{1b}') && plain[0].contains("hello"),
        "{plain:?}"
    );
}

#[test]
fn the_level_decides_per_target() {
    let lines = logged(&log(LogFormat::Human, "warn,loud=debug"), false, || {
        tracing::info!("too quiet");
        tracing::warn!("loud enough");
        tracing::debug!(target: "loud", "by target");
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].contains("loud enough") && lines[1].contains("by target"),
        "{lines:?}"
    );
}

#[test]
fn a_panic_is_one_error_line_with_message_and_place() {
    let before = std::panic::take_hook();
    logs::log_panics();
    let lines = logged(&log(LogFormat::Json, "error"), false, || {
        assert!(std::panic::catch_unwind(|| panic!("the first line\nthe second")).is_err());
        assert!(std::panic::catch_unwind(|| std::panic::panic_any(vec!["hunter2"])).is_err());
    });
    std::panic::set_hook(before);
    assert_eq!(lines.len(), 2, "{lines:?}");
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["message"], "panicked");
    assert_eq!(line["panic"], "the first line the second");
    assert!(
        line["place"]
            .as_str()
            .unwrap()
            .starts_with("shared/telemetry/tests/logs.rs:"),
        "{line}"
    );
    assert!(
        lines[1].contains("a value that is not text") && !lines[1].contains("hunter2"),
        "{lines:?}"
    );
}
