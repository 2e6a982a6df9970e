//! Notices a database that has fallen silent: a network that swallows packets gives neither an answer nor an error, and
//! TCP goes on hoping for many minutes.

use std::time::Duration;

use tokio::{
    sync::{Mutex, MutexGuard, watch},
    time::sleep,
};

/// A unit that has run this long is reason to ask whether the database still answers. It may just be a long one.
const SUSPICIOUS: Duration = Duration::from_secs(1);

/// How long the database may take to say so, on a connection made for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How often silence was found. Each lane that hears of it gives up its connection and what runs there.
#[derive(Debug)]
pub(super) struct Silence {
    found: watch::Sender<u64>,
    /// One lane asks at a time, and the others hear what it finds.
    asking: Mutex<()>,
}

impl Silence {
    pub(super) fn new() -> Self {
        Self {
            found: watch::Sender::new(0),
            asking: Mutex::new(()),
        }
    }

    /// Tells of each silence found from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.found.subscribe()
    }

    /// Resolves when a unit has run for so long that its lane should ask. No other lane asks until what it gives is
    /// dropped.
    pub(super) async fn suspicion(&self) -> MutexGuard<'_, ()> {
        sleep(SUSPICIOUS).await;
        self.asking.lock().await
    }

    /// The database does not answer.
    pub(super) fn tell(&self) {
        self.found.send_modify(|times| *times += 1);
    }
}
