//! Telemetry: logs, metrics and traces, and how they are exported.
//!
//! | module | what it is |
//! |---|---|
//! | [`logs`] | log lines on standard error, also for panics |
//! | [`metrics`] | the registry of metrics, and how a crate defines its metrics |
//! | [`trace`] | which calls are traced, and the export over OTLP |
//! | [`settings`] | `telemetry.*` |
//!
//! No metric of another crate is defined here: a metric is defined by the crate that counts it.

pub mod logs;
pub mod metrics;
pub mod settings;
pub mod trace;
