//! The process itself, under the names that every Prometheus client library uses.

use super::{Metrics, definitions::PROCESS_START};

/// Tells of the process whenever somebody asks.
pub(super) fn observe(metrics: &Metrics) {
    let start = start();
    metrics.gauge(&PROCESS_START, move || vec![(start, Vec::new())]);
    #[cfg(target_os = "linux")]
    linux::observe(metrics);
}

/// When the process began, in Unix time; outside Linux, when this was first asked.
fn start() -> f64 {
    #[cfg(target_os = "linux")]
    if let Some(start) = linux::start() {
        return start;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the time is only shown; nothing is decided by it"
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
        definitions::{PROCESS_CPU, PROCESS_FILES, PROCESS_MEMORY, PROCESS_MOST_FILES},
    };

    pub(super) fn observe(metrics: &Metrics) {
        metrics.total(&PROCESS_CPU, || told(stat().map(|stat| cpu(&stat))));
        metrics.gauge(&PROCESS_MEMORY, || told(memory()));
        metrics.gauge(&PROCESS_FILES, || told(files()));
        metrics.gauge(&PROCESS_MOST_FILES, || told(most_files()));
    }

    /// One value without labels, or none.
    fn told(value: Option<f64>) -> Vec<(f64, Vec<opentelemetry::KeyValue>)> {
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
    fn most_files() -> Option<f64> {
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
