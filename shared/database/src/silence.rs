//! Detects a database that has fallen silent: where a network drops packets, there is neither an answer nor an error, and TCP keeps
//! the connection for many minutes.
//!
//! Silence is told from one slow unit, and from one slow new connection, by what all lanes hear: a single answer to any of them shows
//! that the database answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::{
    sync::{Mutex, MutexGuard, watch},
    time::{sleep, timeout},
};

/// After a unit has run for this time, its lane checks whether the database still answers. The unit may just be slow.
const CHECK_AFTER: Duration = Duration::from_secs(1);

/// The limit of that check.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the connections that are there are waited for, before the check opens one more.
const HEAD_START: Duration = Duration::from_millis(200);

/// How often silence was found. Each lane that is notified drops its connection and the unit that runs on it.
#[derive(Debug)]
pub(super) struct Silence {
    found: watch::Sender<u64>,
    /// How often any lane has received something from the server. All lanes to one database share it.
    heard: Arc<watch::Sender<u64>>,
    /// One lane checks at a time, and the others are notified of the result.
    checking: Mutex<()>,
}

/// A check under way. No other lane checks until it is dropped.
pub(super) struct Check<'a> {
    heard: watch::Receiver<u64>,
    _only_one: MutexGuard<'a, ()>,
}

impl Silence {
    pub(super) fn new() -> Self {
        Self {
            found: watch::Sender::new(0),
            heard: Arc::new(watch::Sender::new(0)),
            checking: Mutex::new(()),
        }
    }

    /// That of other lanes to the same database.
    pub(super) fn beside(&self) -> Self {
        Self {
            heard: Arc::clone(&self.heard),
            ..Self::new()
        }
    }

    /// Notifies of each silence found from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.found.subscribe()
    }

    /// Records that a lane has received something from the server.
    pub(super) fn hear(&self) {
        self.heard
            .send_modify(|times| *times = times.wrapping_add(1));
    }

    /// Resolves when a unit has run for so long that its lane should check.
    pub(super) async fn suspicion(&self) -> Check<'_> {
        sleep(CHECK_AFTER).await;
        let only_one = self.checking.lock().await;
        Check {
            heard: self.heard.subscribe(),
            _only_one: only_one,
        }
    }

    /// Notifies the lanes that the database does not answer.
    pub(super) fn notify(&self) {
        self.found.send_modify(|times| *times += 1);
    }
}

impl Check<'_> {
    /// Whether nothing was received: no lane heard anything since the check began, and `probe`, which resolves with an answer, had
    /// none either. The probe begins a little later.
    pub(super) async fn finds_silence(mut self, probe: impl Future<Output = ()>) -> bool {
        let probe = async {
            sleep(HEAD_START).await;
            probe.await;
        };
        let answered = async {
            tokio::select! {
                _heard = self.heard.changed() => {}
                () = probe => {}
            }
        };
        timeout(ANSWER_TIMEOUT, answered).await.is_err()
    }
}
