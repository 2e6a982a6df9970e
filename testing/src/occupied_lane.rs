//! A lane of the database that is busy until a test says so.

use std::time::Duration;

use database::{Error, Lanes, Principal};
use futures_util::FutureExt as _;
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};

/// Longer than any test occupies a lane.
const LIMIT: Duration = Duration::from_mins(1);

/// Occupies a lane until it is released.
#[derive(Debug)]
pub struct OccupiedLane {
    release: oneshot::Sender<()>,
    unit: JoinHandle<Result<(), Error>>,
}

impl OccupiedLane {
    /// Waits until a unit of `principal` runs.
    pub async fn of(lanes: &Lanes, principal: Principal) -> Self {
        let (release, released) = oneshot::channel::<()>();
        let (signal, begun) = oneshot::channel();
        let lanes = lanes.clone();
        let unit = tokio::spawn(async move {
            let unit = lanes.run(principal, Instant::now() + LIMIT, |_connection| {
                async move {
                    signal.send(()).expect("the test waits for it");
                    released.await.expect("the test releases the lane");
                    Ok(())
                }
                .boxed()
            });
            unit.await
        });
        begun.await.expect("a lane is free");
        Self { release, unit }
    }

    /// Frees the lane, and waits until its unit has ended.
    pub async fn release(self) {
        self.release.send(()).expect("the unit runs");
        let ended = self.unit.await.expect("the unit does not panic");
        ended.expect("the unit succeeds");
    }
}
