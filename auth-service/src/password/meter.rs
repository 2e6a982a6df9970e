//! What password hashing tells.

use shared::metrics::{
    BoundHistogram, BoundUpDownCounter, CounterBy, KeyValue, Metrics,
    definitions::{
        HASHING_BUSY, HASHING_DURATION, HASHING_QUEUED, HASHING_THREADS, HASHING_WAIT, THROTTLED,
    },
    labels::Limit,
};
use tokio::time::{Duration, Instant};

use super::queue::Entrance;

/// Counts what the threads do. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    wait: BoundHistogram<f64>,
    duration: BoundHistogram<f64>,
    busy: BoundUpDownCounter<i64>,
    throttled: CounterBy<Limit>,
}

impl Meter {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            wait: metrics.histogram(&HASHING_WAIT, &[]),
            duration: metrics.histogram(&HASHING_DURATION, &[]),
            busy: metrics.level(&HASHING_BUSY, &[]),
            throttled: metrics.counters(&THROTTLED),
        }
    }

    /// Does `work` on this thread, which waited for it as long as this.
    pub(super) fn during<T>(&self, waited: Duration, work: impl FnOnce() -> T) -> T {
        self.wait.record(waited.as_secs_f64());
        self.busy.add(1);
        let began = Instant::now();
        let done = work();
        self.busy.add(-1);
        self.duration.record(began.elapsed().as_secs_f64());
        done
    }

    /// A line was full.
    pub(super) fn full(&self) {
        self.throttled.add(Limit::Hashing);
    }
}

/// Tells of the queue whenever somebody asks; whoever asks does not keep the threads.
pub(super) fn tell(queue: &Entrance, threads: usize, metrics: &Metrics) {
    let threads = u32::try_from(threads).map_or(f64::MAX, f64::from);
    metrics.gauge(&HASHING_THREADS, move || vec![(threads, Vec::new())]);
    let waiting = queue.waiting();
    metrics.gauge(&HASHING_QUEUED, move || {
        let waiting = waiting().into_iter();
        let told = waiting.map(|(line, count)| {
            let count = u32::try_from(count).map_or(f64::MAX, f64::from);
            (count, vec![KeyValue::new("line", line)])
        });
        told.collect()
    });
}
