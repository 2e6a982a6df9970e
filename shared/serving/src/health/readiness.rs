//! A server is ready while all of its named conditions hold, such as the schema, the keys, the database, the revocation feed.

use std::sync::Arc;

use futures_util::{
    StreamExt as _,
    future::ready,
    stream::{once, select_all},
};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;

use super::server::Health;

/// The conditions that must hold for a server to be ready. Clones share them.
#[derive(Debug, Clone)]
pub struct Readiness {
    conditions: Arc<[(&'static str, watch::Receiver<bool>)]>,
}

impl Readiness {
    /// The conditions by name, each with the channel on which its owner reports whether it holds. A condition also fails when
    /// its owner has ended (the sender was dropped), because nothing updates it any more.
    #[must_use]
    pub fn new(conditions: Vec<(&'static str, watch::Receiver<bool>)>) -> Self {
        Self {
            conditions: conditions.into(),
        }
    }

    /// The names of the conditions that do not hold now, in the given order. Empty if the server is ready.
    #[must_use]
    pub fn failing(&self) -> Vec<&'static str> {
        self.conditions
            .iter()
            .filter(|(_, holds)| !*holds.borrow() || holds.has_changed().is_err())
            .map(|(name, _)| *name)
            .collect()
    }

    /// Keeps `health` ready while every condition holds, and logs each change of the failing conditions. Runs until `stop`.
    pub async fn follow(self, health: Health, stop: CancellationToken) {
        let mut changes = select_all(self.conditions.iter().map(|(_, holds)| {
            // The end of the channel is a change too: the owner has ended.
            let changes = WatchStream::from_changes(holds.clone()).map(|_| ());
            changes.chain(once(ready(())))
        }));
        let mut last = None;
        loop {
            let failing = self.failing();
            if last.as_ref() != Some(&failing) {
                health.set_failing(failing.clone());
                log_failing(&failing);
                last = Some(failing);
            }
            let Some(Some(())) = stop.run_until_cancelled(changes.next()).await else {
                break;
            };
        }
        // All channels have ended: the last verdict stays.
        stop.cancelled().await;
    }
}

fn log_failing(failing: &[&'static str]) {
    if failing.is_empty() {
        tracing::info!("ready");
    } else {
        tracing::warn!(failing = %failing.join(", "), "not ready");
    }
}
