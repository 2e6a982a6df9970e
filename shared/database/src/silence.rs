//! Detects a database that has fallen silent: where a network drops packets, there is neither an answer nor an error, and TCP keeps
//! the connection for many minutes.

use std::time::Duration;

use tokio::{
    sync::{Mutex, MutexGuard, watch},
    time::sleep,
};

/// After a unit has run for this time, its lane checks whether the database still answers. The unit may just be slow.
const CHECK_AFTER: Duration = Duration::from_secs(1);

/// The limit of that check, on a new connection.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// How often silence was found. Each lane that is notified drops its connection and the unit that runs on it.
#[derive(Debug)]
pub(super) struct Silence {
    found: watch::Sender<u64>,
    /// One lane checks at a time, and the others are notified of the result.
    checking: Mutex<()>,
}

impl Silence {
    pub(super) fn new() -> Self {
        Self {
            found: watch::Sender::new(0),
            checking: Mutex::new(()),
        }
    }

    /// Notifies of each silence found from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.found.subscribe()
    }

    /// Resolves when a unit has run for so long that its lane should check. No other lane checks until the guard is dropped.
    pub(super) async fn suspicion(&self) -> MutexGuard<'_, ()> {
        sleep(CHECK_AFTER).await;
        self.checking.lock().await
    }

    /// Notifies the lanes that the database does not answer.
    pub(super) fn notify(&self) {
        self.found.send_modify(|times| *times += 1);
    }
}
