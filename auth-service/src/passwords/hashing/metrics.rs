//! Metrics of password hashing.

use crate::throttle::metrics::{Limit, THROTTLED};
use telemetry::metrics::{BoundHistogram, BoundUpDownCounter, CounterBy, KeyValue, Metrics};
use tokio::time::{Duration, Instant};

use super::queue::QueueSender;
use telemetry::metrics::definitions::{LabelDefinition, exposed_by};

telemetry::metric_definitions! {
    HASHING_THREADS = Gauge "tandem.auth.hashing.threads" ["{thread}"] { } by exposed_by::AUTH =>
        "Threads that hash passwords.";
    HASHING_BUSY = Gauge "tandem.auth.hashing.busy" ["{thread}"] { } by exposed_by::AUTH =>
        "Threads that hash a password now.";
    HASHING_QUEUED = Gauge "tandem.auth.hashing.queued" ["{password}"] { LabelDefinition::free("line", "`known` for known devices, `anyone`") } by exposed_by::AUTH =>
        "Passwords that wait for a thread.";
    HASHING_WAIT = Histogram "tandem.auth.hashing.wait" ["s"] { } by exposed_by::AUTH =>
        "Time a password waited for a thread.";
    HASHING_DURATION = Histogram "tandem.auth.hashing.duration" ["s"] { } by exposed_by::AUTH =>
        "Time a thread took for a password.";
}

/// Measures the work of the threads. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct HashingMetrics {
    wait: BoundHistogram<f64>,
    duration: BoundHistogram<f64>,
    busy: BoundUpDownCounter<i64>,
    throttled: CounterBy<Limit>,
}

impl HashingMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            wait: metrics.histogram(&HASHING_WAIT, &[]),
            duration: metrics.histogram(&HASHING_DURATION, &[]),
            busy: metrics.level(&HASHING_BUSY, &[]),
            throttled: metrics.counters(&THROTTLED),
        }
    }

    /// Runs `work`, which waited for this long, and measures it.
    pub(super) fn measure<T>(&self, waited: Duration, work: impl FnOnce() -> T) -> T {
        self.wait.record(waited.as_secs_f64());
        self.busy.add(1);
        let began = Instant::now();
        let done = work();
        self.busy.add(-1);
        self.duration.record(began.elapsed().as_secs_f64());
        done
    }

    /// Counts a job that was refused because its line was full.
    pub(super) fn count_refused(&self) {
        self.throttled.add(Limit::Hashing);
    }
}

/// Registers gauges of the queue. They do not keep the threads alive.
pub(super) fn register(queue: &QueueSender, threads: usize, metrics: &Metrics) {
    let threads = u32::try_from(threads).map_or(f64::MAX, f64::from);
    metrics.gauge(&HASHING_THREADS, move || vec![(threads, Vec::new())]);
    let waiting = queue.waiting();
    metrics.gauge(&HASHING_QUEUED, move || {
        let waiting = waiting().into_iter();
        let values = waiting.map(|(line, count)| {
            let count = u32::try_from(count).map_or(f64::MAX, f64::from);
            (count, vec![KeyValue::new("line", line)])
        });
        values.collect()
    });
}
