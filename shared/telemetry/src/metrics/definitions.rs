//! How a crate defines the metrics that it counts: name, meaning and labels, each written once. `docs/metrics.md` is made from the
//! definitions of all crates, and a test compares the dashboard, the alert rules and what the services expose with them.
//!
//! Calls follow the semantic conventions of OpenTelemetry for RPC (schema 1.42: `rpc.response.status_code`; later drafts call
//! it `rpc.status_code`).

use super::labels::Label;
use crate::logs::LogLoss;

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// A label of a metric.
#[derive(Debug, Clone, Copy)]
pub struct LabelDefinition {
    /// The name in OpenTelemetry.
    pub name: &'static str,
    /// Its values; empty if `means` describes them.
    pub values: &'static [&'static str],
    /// What the values are, if they are not listed.
    pub means: &'static str,
}

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// The name in OpenTelemetry.
    pub name: &'static str,
    /// The kind.
    pub kind: Kind,
    /// In UCUM, as OpenTelemetry requires: `s`, `By`, or an annotation such as `{call}`.
    pub unit: &'static str,
    /// What it measures, in one sentence.
    pub help: &'static str,
    /// The labels that distinguish its series.
    pub labels: &'static [LabelDefinition],
    /// The services that expose it.
    pub exposed_by: &'static [&'static str],
}

impl Definition {
    /// The bounds of the buckets, if it is a histogram.
    #[must_use]
    pub fn bounds(&self) -> &'static [f64] {
        if self.unit == "s" { &SECONDS } else { &NUMBERS }
    }

    /// The name in Prometheus. A histogram has `_bucket`, `_sum` and `_count` after it.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let name = self.name.replace('.', "_");
        let unit = match self.unit {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        let total = match self.kind {
            Kind::Counter => "_total",
            Kind::Gauge | Kind::Histogram => "",
        };
        format!("{name}{unit}{total}")
    }
}

/// The bucket bounds of a histogram of times, in seconds: those of the semantic conventions, and finer ones below.
pub const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// The bucket bounds of a histogram of numbers.
pub const NUMBERS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// `rpc.method`.
pub const METHOD: &str = "rpc.method";
/// `rpc.response.status_code`.
pub const CODE: &str = "rpc.response.status_code";

impl LabelDefinition {
    /// The label `L`, with all its values.
    #[must_use]
    pub const fn of<L: Label>() -> Self {
        Self {
            name: L::NAME,
            values: L::VALUES,
            means: "",
        }
    }

    /// A label whose values are not listed; `means` describes them.
    #[must_use]
    pub const fn free(name: &'static str, means: &'static str) -> Self {
        Self {
            name,
            values: &[],
            means,
        }
    }
}

/// The services that expose a metric.
pub mod exposed_by {
    /// Every service.
    pub const ALL: &[&str] = &["auth", "task", "gateway"];
    /// The two services that serve RPCs.
    pub const SERVICES: &[&str] = &["auth", "task"];
    /// The auth service.
    pub const AUTH: &[&str] = &["auth"];
    /// The task service.
    pub const TASK: &[&str] = &["task"];
    /// The gateway.
    pub const GATEWAY: &[&str] = &["gateway"];
}

/// Defines metrics: a constant for each, and `DEFINITIONS`, all of them.
#[macro_export]
macro_rules! metric_definitions {
    ($( $constant:ident = $kind:ident $name:literal [$unit:literal] { $($label:expr),* } by $exposed_by:expr => $help:literal; )+) => {
        $(
            #[doc = $help]
            pub const $constant: $crate::metrics::definitions::Definition = $crate::metrics::definitions::Definition {
                name: $name,
                kind: $crate::metrics::definitions::Kind::$kind,
                unit: $unit,
                help: $help,
                labels: &[ $( $label, )* ],
                exposed_by: $exposed_by,
            };
        )+

        /// Every metric defined here.
        pub const DEFINITIONS: &[$crate::metrics::definitions::Definition] = &[ $( $constant, )+ ];
    };
}

metric_definitions! {
    BUILD_INFO = Gauge "tandem.build.info" [""] { LabelDefinition::free("service", "its name"), LabelDefinition::free("version", "its version") } by exposed_by::ALL =>
        "Always 1; the labels tell what runs.";
    PROCESS_START = Gauge "process.start_time" ["s"] { } by exposed_by::ALL =>
        "When the process began, in Unix time.";
    PROCESS_CPU = Counter "process.cpu" ["s"] { } by exposed_by::ALL =>
        "CPU time of the process, user and system. Linux only, like the next three.";
    PROCESS_MEMORY = Gauge "process.resident_memory" ["By"] { } by exposed_by::ALL =>
        "Memory of the process that is in RAM.";
    PROCESS_OPEN_FDS = Gauge "process.open_fds" [""] { } by exposed_by::ALL =>
        "Files and sockets that the process has open.";
    PROCESS_MAX_FDS = Gauge "process.max_fds" [""] { } by exposed_by::ALL =>
        "Files and sockets that the process may have open.";
    LOG_LOST = Counter "tandem.log.lost" ["{line}"] { LabelDefinition::of::<LogLoss>() } by exposed_by::ALL =>
        "Log lines of the process that were not written, because the reader of standard error is too slow or a write failed.";
}
