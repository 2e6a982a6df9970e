//! Metrics of the process, under the names that all Prometheus client libraries use.

use super::{
    KeyValue, Metrics,
    definitions::{LOG_LOST, PROCESS_START},
    labels::Label as _,
};
use crate::logs::{self, LogLoss};

/// Registers the metrics of the process.
pub(super) fn register(metrics: &Metrics) {
    let start = start();
    metrics.gauge(&PROCESS_START, move || vec![(start, Vec::new())]);
    metrics.total(&LOG_LOST, || {
        [LogLoss::QueueFull, LogLoss::WriteError].map(lost).to_vec()
    });
    #[cfg(target_os = "linux")]
    linux::register(metrics);
}

/// The lines of the log that were lost for this cause.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn lost(cause: LogLoss) -> (f64, Vec<KeyValue>) {
    let label = KeyValue::new(LogLoss::NAME, LogLoss::VALUES[cause.number()]);
    (logs::lost(cause) as f64, vec![label])
}

/// When the process began, in Unix time; outside Linux, when this function is called.
fn start() -> f64 {
    #[cfg(target_os = "linux")]
    if let Some(start) = linux::start() {
        return start;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the time is only shown; no decision depends on it"
    )]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

#[cfg(target_os = "linux")]
mod linux {
    use procfs::process::{LimitValue, Process, Stat};

    use super::super::{
        Metrics,
        definitions::{PROCESS_CPU, PROCESS_MAX_FDS, PROCESS_MEMORY, PROCESS_OPEN_FDS},
    };

    pub(super) fn register(metrics: &Metrics) {
        metrics.total(&PROCESS_CPU, || samples(stat().map(|stat| cpu(&stat))));
        metrics.gauge(&PROCESS_MEMORY, || samples(memory()));
        metrics.gauge(&PROCESS_OPEN_FDS, || samples(files()));
        metrics.gauge(&PROCESS_MAX_FDS, || samples(max_files()));
    }

    /// One value without labels, or none.
    fn samples(value: Option<f64>) -> Vec<(f64, Vec<opentelemetry::KeyValue>)> {
        value.map(|value| (value, Vec::new())).into_iter().collect()
    }

    fn stat() -> Option<Stat> {
        Process::myself().ok()?.stat().ok()
    }

    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    fn cpu(stat: &Stat) -> f64 {
        (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    fn memory() -> Option<f64> {
        Some((stat()?.rss * procfs::page_size()) as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    fn files() -> Option<f64> {
        Some(Process::myself().ok()?.fd_count().ok()? as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    fn max_files() -> Option<f64> {
        match Process::myself()
            .ok()?
            .limits()
            .ok()?
            .max_open_files
            .soft_limit
        {
            LimitValue::Value(limit) => Some(limit as f64),
            LimitValue::Unlimited => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    pub(super) fn start() -> Option<f64> {
        let boot = procfs::boot_time_secs().ok()? as f64;
        Some(boot + stat()?.starttime as f64 / procfs::ticks_per_second() as f64)
    }
}
