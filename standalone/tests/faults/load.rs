//! The Python program that generates load and checks every answer.

use std::{path::Path, time::Duration};

use serde_json::Value;
use testing::Process;

/// The time until its first answers. It compiles the protos first.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// The time for its end. It reads everything back.
const END_TIMEOUT: Duration = Duration::from_mins(5);

/// A running load.
#[derive(Debug)]
pub(crate) struct Load(Process);

impl Load {
    /// Starts it and waits until all its clients call.
    pub(crate) async fn start(auth: &[String], task: &[String], gateway: &[String]) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "tests are configured only by their environment"
        )]
        let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON is not set: run make test");
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let arguments = [
            workspace
                .join("standalone/tests/clients/python/load.py")
                .display()
                .to_string(),
            workspace.join("proto").display().to_string(),
            format!("ipv4:{}", auth.join(",")),
            format!("ipv4:{}", task.join(",")),
            gateway.join(","),
        ];
        let variables = [("PYTHONDONTWRITEBYTECODE", "1".to_owned())];
        let process = Process::spawn(python, arguments, variables);
        process
            .wait_for_line(START_TIMEOUT, |line| line == "under load")
            .await;
        Self(process)
    }

    /// Ends it and returns its report.
    pub(crate) async fn end(mut self) -> Value {
        self.0.close_input();
        let ended = self.0.ended(END_TIMEOUT).await;
        assert!(ended.success(), "{}", self.0.output());
        let output = self.0.output();
        let report = output.lines().find(|line| line.starts_with('{')).unwrap();
        serde_json::from_str(report).unwrap()
    }
}
