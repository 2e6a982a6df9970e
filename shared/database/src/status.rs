//! Whether the database can be reached, according to all lanes together.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// The state of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No attempt to connect has ended yet; calls wait.
    Starting,
    /// A lane is connected, or the last one lost its connection and no attempt to reconnect has failed yet.
    Up,
    /// No lane is connected and an attempt has failed, or the database has fallen silent; calls are refused at once.
    Down,
}

#[derive(Debug)]
pub(super) struct Status {
    state: watch::Sender<State>,
    /// Lanes that hold a connection; changed only under the lock of `state`.
    connected: AtomicUsize,
    /// How often there was a reason to check every connection. All lanes to one database share it.
    doubts: Arc<watch::Sender<u64>>,
}

impl Status {
    pub(super) fn new() -> Self {
        Self {
            state: watch::Sender::new(State::Starting),
            connected: AtomicUsize::new(0),
            doubts: Arc::new(watch::Sender::new(0)),
        }
    }

    /// That of other lanes to the same database.
    pub(super) fn beside(&self) -> Self {
        Self {
            doubts: Arc::clone(&self.doubts),
            ..Self::new()
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(super) fn state(&self) -> State {
        *self.state.borrow()
    }

    pub(super) fn connected(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }

    /// Records that a lane has connected. It counts until the guard is dropped.
    pub(super) fn connect(self: &Arc<Self>) -> Connected {
        let came_up = self.state.send_if_modified(|state| {
            self.connected.fetch_add(1, Ordering::Relaxed);
            std::mem::replace(state, State::Up) != State::Up
        });
        if came_up {
            tracing::info!("the database is connected");
        }
        Connected(Arc::clone(self))
    }

    /// Records that a lane has failed to connect.
    pub(super) fn failed(&self, cause: &(dyn StdError + 'static)) {
        let went_down = self.state.send_if_modified(|state| {
            self.connected() == 0 && std::mem::replace(state, State::Down) != State::Down
        });
        if went_down {
            self.doubt();
            tracing::warn!(cause, "the database cannot be reached; trying again");
        }
    }

    /// Records that a connection broke, or is not answered: the cause may have broken the others. Every lane checks its own before
    /// it takes more work.
    pub(super) fn doubt(&self) {
        self.doubts.send_modify(|doubts| *doubts += 1);
    }

    /// Notifies of doubts from now on. A connection is good as far as none came since its making began.
    pub(super) fn doubts(&self) -> watch::Receiver<u64> {
        self.doubts.subscribe()
    }

    /// Records that the database has fallen silent, although lanes still hold connections.
    pub(super) fn silent(&self) {
        let went_down = self
            .state
            .send_if_modified(|state| std::mem::replace(state, State::Down) != State::Down);
        if went_down {
            tracing::warn!("the database does not answer; trying again");
        }
    }

    /// Waits until the state is, or is not, [`State::Down`].
    pub(super) async fn until_down_is(&self, down: bool) {
        self.subscribe()
            .wait_for(|state| (*state == State::Down) == down)
            .await
            .expect("the sender is borrowed here, so it is not dropped");
    }
}

/// One lane's connection, as counted in [`Status`].
#[derive(Debug)]
pub(super) struct Connected(Arc<Status>);

impl Drop for Connected {
    fn drop(&mut self) {
        // Not Down yet: a connection that was dropped on purpose is usually replaced within milliseconds.
        self.0.state.send_if_modified(|_| {
            self.0.connected.fetch_sub(1, Ordering::Relaxed);
            false
        });
    }
}
