//! What is logged in the test's own process, by every `App` that a test runs in it.

use std::{
    io,
    sync::{Mutex, Once},
    thread,
};

use shared::{
    config::{Log, LogFormat, LogLevel, Setting as _},
    telemetry,
};

use super::shows_secret;

/// Our own crates say all they can say; others what they would in production.
const LEVEL: &str = "info,auth_service=trace,task_service=trace,gateway=trace,shared=trace";

static SHOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());
static WATCHED: Once = Once::new();

/// Log lines of the test's own process, held to showing no secret: fails the test that drops it when one has been shown by
/// then, be it by a test that ran beside it.
///
/// Lines are written as in production and read one by one; none is kept but those that show a secret.
#[derive(Debug)]
pub struct Logs(());

impl Logs {
    /// Watches from now on.
    #[must_use]
    pub fn watch() -> Self {
        WATCHED.call_once(|| {
            let log = Log {
                format: LogFormat::Json,
                level: LogLevel::parse(LEVEL).expect("the level is well written"),
            };
            let subscriber = telemetry::subscriber(&log, || Reader, false);
            tracing::subscriber::set_global_default(subscriber)
                .expect("no test starts the logs of the process by itself");
        });
        Self(())
    }

    /// The lines that have shown a secret so far.
    #[must_use]
    pub fn shown(&self) -> Vec<String> {
        SHOWN
            .lock()
            .expect("nobody panics while holding it")
            .clone()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let shown = self.shown();
        let well = shown.is_empty() || thread::panicking();
        assert!(well, "a log line shows a secret: {}", shown.join("\n"));
    }
}

/// Takes one line with each write.
struct Reader;

impl io::Write for Reader {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if shows_secret(&text) {
            let mut shown = SHOWN.lock().expect("nobody panics while holding it");
            shown.push(text.into_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
