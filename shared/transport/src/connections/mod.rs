//! The accept loop of every listener: how many may connect, how long a connection may be silent, and how it ends.
//!
//! It promises:
//! - **A client that sends nothing does not keep its slot.** The TLS handshake, the first bytes (the preface of HTTP/2, RFC 9113
//!   section 3.4) and the headers of HTTP/1.1 each have a time limit. While a header block over HTTP/2 does not end, its client
//!   cannot answer a PING, so the keepalive ends the connection.
//! - **A slot is taken before a connection is accepted.** At the cap, connections wait in the system's queue. Each address,
//!   and each /64, /56 and /48 of IPv6, has a cap of its own. A connection over that cap is closed at once, before a byte of it is read.
//! - **Resets are limited.** Streams that a client opens and resets before they were handled (CVE-2023-44487), and streams that
//!   a client makes the server reset (CVE-2025-8671), end the connection with GOAWAY `ENHANCE_YOUR_CALM`.
//! - **A client that does not read holds nothing for long**: the stream of an answer that is not taken in time is reset by a timer
//!   outside its body, and a connection that takes no bytes is closed.
//! - **An old connection is drained** (GOAWAY), at a moment up to 10 % before or after its age, so that connections that were
//!   opened together do not end together (gRFC A9). Its calls finish. Streams that are still open after a grace must end.
//! - **A stop loses no client that has connected**: [`Connections::close`] serves the connections that wait in the system's
//!   queue, and what a client has sent by then is answered.
//! - **A stop is limited** in time by its caller: [`Connections::drain`], [`Connections::closed_within`],
//!   [`Connections::cut`].

mod address_cap;
mod answer_timer;
mod connection;
mod counts;
mod draining;
mod first_bytes;
mod limits;
mod listener_state;
mod paced_body;
mod plaintext_warning;
mod service;
mod write_timeout;

use std::{
    net::SocketAddr,
    sync::{Arc, Once},
    time::Duration,
};

use telemetry::metrics::Metrics;
use tls::{Protocols, ServerTls};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use self::{
    address_cap::{AddressCap, AddressSlot},
    connection::serve,
    counts::Counters,
    listener_state::ListenerState,
};
use crate::{
    backlog,
    metrics::{ConnectionRefusal, OpenConnection},
};

pub use self::{
    connection::Peer, counts::ConnectionCounts, draining::StreamsEnd, limits::ConnectionLimits,
    paced_body::ReceiveBy, service::HttpService,
};

/// The delay after a failed accept, for example when no file descriptors are left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// The connections of one listener. Clones share them.
#[derive(Debug, Clone)]
pub struct Connections {
    state: Arc<ListenerState>,
    slots: Arc<Semaphore>,
    addresses: Arc<AddressCap>,
    open: TaskTracker,
    when_full: WhenFull,
}

/// What happens to a new connection while there are as many as there may be.
#[derive(Debug, Clone, Copy)]
enum WhenFull {
    /// It waits in the system's queue.
    Wait,
    /// It is accepted and closed.
    Close,
}

/// What a connection holds until it ends.
struct Held {
    _slot: OwnedSemaphorePermit,
    address_slot: AddressSlot,
    _open: TaskTrackerToken,
    _counted: OpenConnection,
}

/// Why the state has a single owner while it is configured.
const NOT_CLONED: &str = "connections are configured before they are cloned";

impl Connections {
    /// No connections yet, without TLS and without metrics.
    #[must_use]
    pub fn new(limits: ConnectionLimits, protocols: Protocols) -> Self {
        let slots = limits.max_connections.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            addresses: Arc::new(AddressCap::new(&limits)),
            open: TaskTracker::new(),
            when_full: WhenFull::Wait,
            state: Arc::new(ListenerState {
                http: limits.http(protocols),
                limits,
                protocols,
                tls: None,
                counters: Counters::new(&Metrics::off()),
                plaintext_warning: Once::new(),
                drain: CancellationToken::new(),
                cut: CancellationToken::new(),
            }),
        }
    }

    /// With `tls`, every connection must use TLS. Call it only before the first clone.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<ServerTls>) -> Self {
        Arc::get_mut(&mut self.state).expect(NOT_CLONED).tls = tls;
        self
    }

    /// Counts in `metrics`, which also show when the certificate expires. Call it only before the first clone, and after
    /// [`Connections::with_tls`].
    #[must_use]
    pub fn with_metrics(mut self, metrics: &Metrics) -> Self {
        let state = Arc::get_mut(&mut self.state).expect(NOT_CLONED);
        state.counters = Counters::new(metrics);
        if let Some(tls) = &state.tls {
            tls.register_metrics(metrics);
        }
        self
    }

    /// Closes connections over the cap at once. Without this they wait in the system's queue.
    #[must_use]
    pub fn closing_when_full(mut self) -> Self {
        self.when_full = WhenFull::Close;
        self
    }

    /// Logs no warning about a listener without TLS. For a port that carries no tokens and no passwords.
    #[must_use]
    pub fn without_plaintext_warning(self) -> Self {
        self.state.plaintext_warning.call_once(|| {});
        self
    }

    /// Serves `service` to the clients that connect to `listener`, until `until` resolves. Open connections go on after that.
    /// Meanwhile the certificate is kept current. It may be called again, with the same listener.
    ///
    /// The extensions of each request hold its [`Peer`] and its [`StreamsEnd`].
    pub async fn accept_until<S>(
        &self,
        listener: &TcpListener,
        service: &S,
        until: impl Future<Output = ()>,
    ) where
        S: HttpService,
    {
        self.state.warn_of_plaintext(listener);
        let current = self.state.keep_certificate_current();
        tokio::pin!(until, current);
        loop {
            tokio::select! {
                biased;
                () = &mut until => return,
                never = &mut current => match never {},
                (stream, peer, held) = self.accept(listener) => self.spawn(stream, peer, held, service),
            }
        }
    }

    /// Closes the listener, and serves the clients that have connected but were not accepted yet, as far as the caps allow.
    pub fn close<S>(&self, listener: TcpListener, service: &S)
    where
        S: HttpService,
    {
        for (stream, peer) in backlog::close(listener) {
            if let Some(held) = self.admit(peer, None) {
                self.spawn(stream, peer, held, service);
            }
        }
    }

    /// Serves a connection in a task of its own.
    fn spawn<S>(&self, stream: TcpStream, peer: SocketAddr, held: Held, service: &S)
    where
        S: HttpService,
    {
        let streams = held.address_slot.streams(self.state.limits.max_streams);
        let state = Arc::clone(&self.state);
        let connection = serve(state, stream, peer, streams, service.clone());
        tokio::spawn(async move {
            connection.await;
            drop(held);
        });
    }

    /// Drains every connection: it takes no new calls (GOAWAY), and ends with its last call.
    pub fn drain(&self) {
        self.state.drain.cancel();
        self.open.close();
    }

    /// Waits until every connection has ended, for at most `bound`. Returns whether they have. They end only after
    /// [`Connections::drain`].
    pub async fn closed_within(&self, bound: Duration) -> bool {
        timeout(bound, self.open.wait()).await.is_ok()
    }

    /// Closes every connection that is open, and waits until they are closed.
    pub async fn cut(&self) {
        self.drain();
        self.state.cut.cancel();
        self.open.wait().await;
    }

    /// Counts of what happened to the connections.
    #[must_use]
    pub fn counts(&self) -> ConnectionCounts {
        self.state.counters.snapshot(self.open.len())
    }

    /// The next connection that may be served.
    async fn accept(&self, listener: &TcpListener) -> (TcpStream, SocketAddr, Held) {
        loop {
            let reserved = match self.when_full {
                WhenFull::Wait => Some(self.free_slot().await),
                WhenFull::Close => None,
            };
            let (stream, peer) = accept_next(listener).await;
            if let Some(held) = self.admit(peer, reserved) {
                return (stream, peer, held);
            }
        }
    }

    /// Waits for a slot. It is taken before `accept`, so that connections over the cap stay in the system's queue.
    async fn free_slot(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed")
    }

    /// What a connection from `peer` holds until it ends. `None` if it is refused: there is no slot, or the cap of its
    /// address is reached.
    fn admit(&self, peer: SocketAddr, reserved: Option<OwnedSemaphorePermit>) -> Option<Held> {
        let slot = reserved.or_else(|| Arc::clone(&self.slots).try_acquire_owned().ok());
        let Some(slot) = slot else {
            self.state.counters.refused(ConnectionRefusal::Full);
            tracing::debug!(%peer, "refused: too many connections");
            return None;
        };
        let Some(address_slot) = self.addresses.take(peer.ip()) else {
            self.state.counters.refused(ConnectionRefusal::Address);
            tracing::debug!(%peer, "refused: too many connections of this address");
            return None;
        };
        Some(Held {
            _slot: slot,
            address_slot,
            _open: self.open.token(),
            _counted: self.state.counters.accepted(),
        })
    }
}

/// Accepts a connection. After an error it waits and tries again.
async fn accept_next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}
