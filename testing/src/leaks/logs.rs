//! What every `App` logs that runs in the test's own process.

use std::{
    io,
    sync::{Mutex, Once},
    thread,
};

use settings::Setting as _;
use telemetry::logs::{self, Log, LogFormat, LogLevel};

use super::shows_secret;

/// Our own crates log everything; other crates log what they do in production.
const LEVEL: &str = "info,auth_service=trace,task_service=trace,gateway=trace,standalone=trace,\
    api=trace,clock=trace,contract=trace,database=trace,serving=trace,settings=trace,telemetry=trace,tls=trace,\
    transport=trace,verifier=trace";

static SHOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());
static WATCHED: Once = Once::new();

/// Checks that the log lines of the test's own process show no secret. Dropping it fails the test when a line has shown one,
/// even if another test in the same process logged that line.
///
/// Lines are written as in production and checked one by one. Only lines that show a secret are kept.
#[derive(Debug)]
pub struct Logs(());

impl Logs {
    /// Starts checking, unless another test of the process has started it already.
    #[must_use]
    pub fn watch() -> Self {
        WATCHED.call_once(|| {
            let log = Log {
                format: LogFormat::Json,
                level: LogLevel::parse(LEVEL).expect("the level is valid"),
            };
            let subscriber = logs::subscriber(&log, || LineScanner, false);
            tracing::subscriber::set_global_default(subscriber)
                .expect("no test installs its own subscriber");
        });
        Self(())
    }

    /// The lines that have shown a secret so far.
    #[must_use]
    pub fn shown(&self) -> Vec<String> {
        SHOWN
            .lock()
            .expect("no thread panics while holding it")
            .clone()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let shown = self.shown();
        let passed = shown.is_empty() || thread::panicking();
        assert!(passed, "a log line shows a secret: {}", shown.join("\n"));
    }
}

/// Gets one line with each write.
struct LineScanner;

impl io::Write for LineScanner {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if shows_secret(&text) {
            let mut shown = SHOWN.lock().expect("no thread panics while holding it");
            shown.push(text.into_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::LEVEL;

    /// Members that log nothing a service could log.
    const NOT_SERVED: [&str; 5] = [
        "bench",
        "embedded-postgres",
        "testing",
        "testing/connectrpc-client",
        "docs/architecture",
    ];

    #[test]
    fn every_crate_of_a_service_logs_everything() {
        let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
        let manifest = manifest.expect("the manifest of the workspace can be read");
        let members = manifest
            .split_once("members = [")
            .expect("it has members")
            .1;
        let members = members.split_once(']').expect("the list ends").0;
        let members: Vec<&str> = members.split('"').skip(1).step_by(2).collect();
        assert!(members.len() > NOT_SERVED.len(), "{members:?}");
        for member in members.into_iter().filter(|one| !NOT_SERVED.contains(one)) {
            let name = member
                .rsplit('/')
                .next()
                .unwrap_or(member)
                .replace('-', "_");
            assert!(
                LEVEL.contains(&format!("{name}=trace")),
                "{name} is not watched"
            );
        }
    }
}
