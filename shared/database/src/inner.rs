//! What all clones of some lanes share.

use std::sync::Arc;

use telemetry::metrics::Metrics;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::Error;
use crate::gauges;
use crate::lane::Lane;
use crate::lane_metrics::LaneMetrics;
use crate::principal::Principal;
use crate::queue::Queue;
use crate::settings::Settings;
use crate::silence::Silence;
use crate::status::Status;
use crate::unit::Queued;

#[derive(Debug)]
pub(super) struct LanesInner {
    pub(super) settings: Arc<Settings>,
    /// The name of the database.
    pub(super) database: Option<String>,
    pub(super) queue: Arc<Queue>,
    pub(super) status: Arc<Status>,
    pub(super) silence: Arc<Silence>,
    pub(super) closing: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl LanesInner {
    /// Starts the lanes on the current runtime.
    pub(super) fn start(
        (silence, status): (Silence, Status),
        settings: Settings,
        metrics: &Metrics,
        name: &'static str,
    ) -> Result<Arc<Self>, sqlx::Error> {
        let lane_metrics = LaneMetrics::new(metrics, name);
        let options = settings.connect_options()?;
        let queue = Arc::new(Queue::new(&settings, lane_metrics.clone()));
        let inner = Self {
            settings: Arc::new(settings),
            database: options.get_database().map(str::to_owned),
            queue,
            status: Arc::new(status),
            silence: Arc::new(silence),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        for number in 0..inner.settings.lanes.max(1) {
            let lane = Lane {
                number,
                silence: Arc::clone(&inner.silence),
                settings: Arc::clone(&inner.settings),
                options: options.clone(),
                queue: Arc::clone(&inner.queue),
                status: Arc::clone(&inner.status),
                closing: inner.closing.clone(),
                metrics: lane_metrics.clone(),
            };
            inner.tasks.spawn(lane.serve());
        }
        inner.tasks.close();
        let inner = Arc::new(inner);
        gauges::register(&inner, metrics, name);
        Ok(inner)
    }

    pub(super) fn enqueue(&self, principal: Principal, queued: Queued) -> Result<(), Error> {
        let Err((queued, error)) = self.queue.push(principal, queued) else {
            return Ok(());
        };
        if let Some(span) = queued.ticket.span {
            span.refuse(&error);
        }
        Err(error)
    }

    pub(super) fn stop(&self) {
        self.queue.close();
        self.closing.cancel();
    }
}

impl Drop for LanesInner {
    fn drop(&mut self) {
        self.stop();
    }
}
