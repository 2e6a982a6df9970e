//! What a lane takes from the queue at once, and how it runs that.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::Instant;

use crate::job::{JoinedRun, Runner, Verdict};
use crate::lane_metrics::LaneMetrics;
use crate::queue::{Batch, Queue, Turn};
use crate::status::Status;
use crate::unit::{Kind, Queued};

/// What units run with, beside a connection.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) queue: &'a Queue,
    pub(super) status: &'a Status,
    pub(super) metrics: &'a LaneMetrics,
    /// The longest time that a unit, or a statement for several, may run.
    pub(super) limit: Duration,
}

/// Runs the units that are neither expired nor cancelled. Those that have no result afterwards are queued again.
pub(super) async fn run(
    batch: Batch,
    connection: &mut PgConnection,
    around: Surroundings<'_>,
) -> Verdict {
    let now = Instant::now();
    let start = |(queued, turn): (Queued, Turn)| queued.begin(now).map(|queued| (queued, turn));
    let mut units: Batch = batch.into_iter().filter_map(start).collect();
    let Some((first, _)) = units.first() else {
        return Verdict::Unused;
    };
    let (kind, size) = (first.ticket.kind, units.len());
    for (Queued { ticket, .. }, _) in &mut units {
        if !ticket.again {
            around.metrics.begun(now - ticket.since);
            if let Some(span) = &mut ticket.span {
                span.begin_work(size);
            }
        }
    }
    let _busy = around.metrics.busy();
    if kind.is_some() {
        around.metrics.joined(size);
    }
    let runner = Runner {
        connection,
        limit: around.limit,
        status: around.status,
    };
    if let Some(kind) = kind.filter(|_| size > 1) {
        return run_joined(kind, units, runner, around).await;
    }
    let (Queued { ticket, job }, _turn) = units.pop().expect("there is one unit");
    let verdict = job.run(runner, ticket.span).await;
    around.metrics.ended(now.elapsed());
    verdict
}

async fn run_joined(
    kind: Kind,
    batch: Batch,
    runner: Runner<'_>,
    around: Surroundings<'_>,
) -> Verdict {
    let began = Instant::now();
    let (units, turns): (Vec<Queued>, Vec<Turn>) = batch.into_iter().unzip();
    let JoinedRun {
        verdict,
        failed,
        left,
    } = (kind.run)(units, runner).await;
    let mut again = Batch::new();
    for (unit, turn) in left.into_iter().zip(turns) {
        match unit {
            Some(queued) => again.push((queued, turn)),
            None => around.metrics.ended(began.elapsed()),
        }
    }
    around.metrics.left(again.len(), failed);
    around.queue.put_back(again);
    verdict
}
