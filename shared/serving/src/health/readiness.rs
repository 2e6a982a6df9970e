//! Readiness as the sum of named conditions: the schema, the keys, the database, the revocation feed.

use std::sync::Arc;

use futures_util::{
    StreamExt as _,
    future::ready,
    stream::{once, select_all},
};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;

use super::Health;

/// The conditions a server waits for before it is ready. Clones look at the same conditions.
#[derive(Debug, Clone)]
pub struct Readiness {
    conditions: Arc<[(&'static str, watch::Receiver<bool>)]>,
}

impl Readiness {
    /// Each condition by its name, with the channel on which its owner tells whether it holds. A condition fails when
    /// its owner is gone (the sender dropped): nobody vouches for it any more.
    #[must_use]
    pub fn new(conditions: Vec<(&'static str, watch::Receiver<bool>)>) -> Self {
        Self {
            conditions: conditions.into(),
        }
    }

    /// The names of the conditions that do not hold now, in the order given; empty if the server is ready.
    #[must_use]
    pub fn failing(&self) -> Vec<&'static str> {
        self.conditions
            .iter()
            .filter(|(_, holds)| !*holds.borrow() || holds.has_changed().is_err())
            .map(|(name, _)| *name)
            .collect()
    }

    /// Keeps `health` ready while every condition holds, and logs each change of what fails. Runs until `stop`.
    pub async fn follow(self, health: Health, stop: CancellationToken) {
        let mut changes = select_all(self.conditions.iter().map(|(_, holds)| {
            // The end counts as a change too: that is when the owner has gone.
            let changes = WatchStream::from_changes(holds.clone()).map(|_| ());
            changes.chain(once(ready(())))
        }));
        let mut known = None;
        loop {
            let failing = self.failing();
            if known.as_ref() != Some(&failing) {
                health.set_failing(failing.clone());
                log(&failing);
                known = Some(failing);
            }
            let Some(Some(())) = stop.run_until_cancelled(changes.next()).await else {
                break;
            };
        }
        // Without anything left to follow, the last verdict stands.
        stop.cancelled().await;
    }
}

fn log(failing: &[&'static str]) {
    if failing.is_empty() {
        tracing::info!("ready");
    } else {
        tracing::warn!(failing = %failing.join(", "), "not ready");
    }
}
