//! Generated input for everything that parses what a client sends, over the wire: no panic, no INTERNAL, always an answer.
//!
//! `make fuzz` runs each of these for ten minutes; `FUZZ_SECONDS` sets how long. Without it a few inputs are tried.

mod addresses;
mod filters;
mod frames;
mod inputs;
mod peer;
mod timeouts;
mod tokens;

use std::time::{Duration, Instant};

use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseResult, TestRunner},
};
use tokio::runtime::Runtime;
use tonic::{Code, Status, transport::Channel};

use crate::stack::Stack;

/// Inputs in one round. Without `FUZZ_SECONDS` there is one round.
const CASES: u32 = 48;

/// A stack whose limits let one client make many calls, and a runtime for the calls.
struct Fuzzed {
    stack: Stack,
    runtime: Runtime,
}

impl Fuzzed {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let settings = [
            ("TANDEM_AUTH__HASH__MEMORY_KIB", "64"),
            ("TANDEM_AUTH__THROTTLE__ADDRESS_BURST", "1000000"),
            ("TANDEM_AUTH__THROTTLE__ADDRESS_INTERVAL", "1ms"),
            ("TANDEM_AUTH__ACCESS_TTL", "1h"),
            ("TANDEM_LOG__LEVEL", "warn"),
        ];
        let stack = runtime.block_on(Stack::start_with(&settings));
        Self { stack, runtime }
    }

    /// A channel to the address of a part.
    fn channel(&self, address: std::net::SocketAddr) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
        self.runtime.block_on(async { endpoint.connect_lazy() })
    }

    /// Tries generated inputs, and then asserts that nothing panicked.
    fn check<S: Strategy>(&self, strategy: &S, property: impl Fn(S::Value) -> TestCaseResult) {
        let until = seconds().map(|seconds| Instant::now() + seconds);
        let mut tried = 0;
        loop {
            let config = Config {
                cases: CASES,
                failure_persistence: None,
                ..Config::default()
            };
            TestRunner::new(config)
                .run(strategy, &property)
                .unwrap_or_else(|failure| panic!("{failure}"));
            tried += CASES;
            if until.is_none_or(|until| Instant::now() >= until) {
                break;
            }
        }
        eprintln!("{tried} inputs");
        let output = self.stack.running.process.output();
        for word in ["panicked", "INTERNAL"] {
            assert!(!output.contains(word), "{output}");
        }
    }
}

fn seconds() -> Option<Duration> {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are configured only by their environment"
    )]
    let seconds = std::env::var("FUZZ_SECONDS").ok()?;
    Some(Duration::from_secs(seconds.parse().unwrap()))
}

/// Asserts that a call succeeded or was refused with one of these codes and reasons.
fn assert_expected<T>(
    answer: Result<T, Status>,
    expected: &[(Code, &str)],
) -> Result<Option<T>, TestCaseError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(status) => {
            let reason = testing::reason(&status);
            let known = expected.contains(&(status.code(), reason.as_str()));
            prop_assert!(known, "{:?}", status);
            Ok(None)
        }
    }
}
