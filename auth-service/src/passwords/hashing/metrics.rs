//! Metrics of password hashing.

use shared::metrics::{
    BoundHistogram, BoundUpDownCounter, CounterBy, KeyValue, Metrics,
    definitions::{
        HASHING_BUSY, HASHING_DURATION, HASHING_QUEUED, HASHING_THREADS, HASHING_WAIT, THROTTLED,
    },
    labels::Limit,
};
use tokio::time::{Duration, Instant};

use super::queue::QueueSender;

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
