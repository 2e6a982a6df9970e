//! The Python program that keeps up a load and looks at every answer.

use std::{path::Path, time::Duration};

use serde_json::Value;
use testing::Process;

/// From its start to the first answers: it compiles the protos.
const BEGIN: Duration = Duration::from_mins(1);
/// It reads everything back.
const END: Duration = Duration::from_mins(5);

/// A load under way.
#[derive(Debug)]
pub(crate) struct Load(Process);

impl Load {
    /// Starts it and waits until it is steady.
    pub(crate) async fn start(auth: &[String], task: &[String], gateway: &[String]) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "tests have no configuration but their environment"
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
            .wait_for_line(BEGIN, |line| line == "under load")
            .await;
        Self(process)
    }

    /// Ends it, and gives what it saw.
    pub(crate) async fn end(mut self) -> Value {
        self.0.close_input();
        let ended = self.0.ended(END).await;
        assert!(ended.success(), "{}", self.0.output());
        let output = self.0.output();
        let told = output.lines().find(|line| line.starts_with('{')).unwrap();
        serde_json::from_str(told).unwrap()
    }
}
