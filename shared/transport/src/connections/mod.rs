//! The accept loop of every server: who may connect, how long a connection may say nothing, and how it ends.
//!
//! It promises:
//! - **A client that sends nothing keeps no place.** The TLS handshake, the first bytes (the preface of HTTP/2, RFC 9113
//!   section 3.4) and the headers of HTTP/1.1 each have a bound. A header block that never ends over HTTP/2 keeps its client
//!   from answering a PING, so the keepalive ends it.
//! - **A place is taken before a connection is accepted.** At the cap, connections wait in the system's queue. One address,
//!   and one /64 of IPv6, has a cap of its own; a connection over that is closed at once, before a byte of it is read.
//! - **Resets are bounded.** Streams that are opened and reset before they were looked at (CVE-2023-44487) and streams that
//!   a client makes the server reset (CVE-2025-8671) end the connection with GOAWAY `ENHANCE_YOUR_CALM`.
//! - **An old connection is asked to go** (GOAWAY), at a moment 10 % before or after its age so that connections that were
//!   made together do not end together (gRFC A9). Its calls finish; streams that do not end are told to after a grace.
//! - **A stop loses nobody who has connected**: [`Connections::close`] serves those who wait in the system's queue, and what
//!   a client has sent by then is answered.
//! - **A stop has bounds** that its caller sets: [`Connections::ask_to_leave`], [`Connections::gone_within`],
//!   [`Connections::cut`].

mod addresses;
mod connection;
mod counts;
mod leaving;
mod limits;
mod opening;
mod plaintext;

use std::{
    convert::Infallible,
    error::Error,
    future::pending,
    net::SocketAddr,
    sync::{Arc, Once},
    time::Duration,
};

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};
use tower::Service;

use self::{
    addresses::{Addresses, Place},
    connection::{Shared, serve},
    counts::Counters,
};
use crate::{backlog, meter::Open, metrics::Refused as Cause};
use telemetry::metrics::Metrics;
use tls::{Protocols, ServerTls};

pub use self::{counts::Counts, leaving::StreamsEnd, limits::ConnectionLimits};

/// After a failed accept (no file descriptors left, say) the next waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The other end of a connection, in the extensions of its requests.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The connections of one listener. Clones are one and the same.
#[derive(Debug, Clone)]
pub struct Connections {
    shared: Arc<Shared>,
    slots: Arc<Semaphore>,
    addresses: Arc<Addresses>,
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

/// What a connection holds while it lasts.
struct Held {
    _slot: OwnedSemaphorePermit,
    _place: Place,
    _open: TaskTrackerToken,
    _counted: Open,
}

/// Why nothing is served yet.
const NOT_YET: &str = "nothing is served before it is known how";

impl Connections {
    /// No connection yet, in plaintext, and counted nowhere.
    #[must_use]
    pub fn new(limits: ConnectionLimits, protocols: Protocols) -> Self {
        let slots = limits.max_connections.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            addresses: Arc::new(Addresses::new(&limits)),
            open: TaskTracker::new(),
            when_full: WhenFull::Wait,
            shared: Arc::new(Shared {
                http: limits.http(protocols),
                limits,
                protocols,
                tls: None,
                counters: Counters::new(&Metrics::off()),
                warned: Once::new(),
                leave: CancellationToken::new(),
                cut: CancellationToken::new(),
            }),
        }
    }

    /// With `tls` every connection must speak it. Only before the first clone.
    #[must_use]
    pub fn speaking(mut self, tls: Option<ServerTls>) -> Self {
        Arc::get_mut(&mut self.shared).expect(NOT_YET).tls = tls;
        self
    }

    /// Counts in `metrics`, which also tell when the certificate expires. Only before the first clone, and after
    /// [`Connections::speaking`].
    #[must_use]
    pub fn counting_in(mut self, metrics: &Metrics) -> Self {
        let shared = Arc::get_mut(&mut self.shared).expect(NOT_YET);
        shared.counters = Counters::new(metrics);
        if let Some(tls) = &shared.tls {
            tls.tell(metrics);
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
        self.shared.warned.call_once(|| {});
        self
    }

    /// Serves `service` to whoever connects to `listener`, until `until` resolves; connections go on after that. Meanwhile
    /// the certificate is kept current. It may be called again, with the same listener.
    ///
    /// Requests carry their [`Peer`] and their [`StreamsEnd`] among their extensions.
    pub async fn accept_until<S, B>(
        &self,
        listener: &TcpListener,
        service: &S,
        until: impl Future<Output = ()>,
    ) where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        self.shared.warn_of_plaintext(listener);
        let current = keep_current(self.shared.tls.as_ref());
        tokio::pin!(until, current);
        loop {
            tokio::select! {
                biased;
                () = &mut until => return,
                never = &mut current => match never {},
                (stream, peer, held) = self.accept(listener) => self.begin(stream, peer, held, service),
            }
        }
    }

    /// Closes the listener, and serves those who have connected and were not accepted yet: at most as many as may be.
    pub fn close<S, B>(&self, listener: TcpListener, service: &S)
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        for (stream, peer) in backlog::close(listener) {
            if let Some(held) = self.admit(peer, None) {
                self.begin(stream, peer, held, service);
            }
        }
    }

    /// Serves a connection beside the others.
    fn begin<S, B>(&self, stream: TcpStream, peer: SocketAddr, held: Held, service: &S)
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let connection = serve(Arc::clone(&self.shared), stream, peer, service.clone());
        tokio::spawn(async move {
            connection.await;
            drop(held);
        });
    }

    /// Asks every connection to go: GOAWAY, or the end of one whose call has not begun.
    pub fn ask_to_leave(&self) {
        self.shared.leave.cancel();
        self.open.close();
    }

    /// Waits until every connection has gone, for at most `longest`; says whether they have. They go only when asked to.
    pub async fn gone_within(&self, longest: Duration) -> bool {
        timeout(longest, self.open.wait()).await.is_ok()
    }

    /// Ends every connection that is left, and waits until they have ended.
    pub async fn cut(&self) {
        self.ask_to_leave();
        self.shared.cut.cancel();
        self.open.wait().await;
    }

    /// How connections have fared.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counters.now(self.open.len())
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

    /// What a connection from `peer` holds while it lasts. `None` if it is refused: there is no slot, or its address has as
    /// many connections as it may have.
    fn admit(&self, peer: SocketAddr, reserved: Option<OwnedSemaphorePermit>) -> Option<Held> {
        let slot = reserved.or_else(|| Arc::clone(&self.slots).try_acquire_owned().ok());
        let Some(slot) = slot else {
            self.shared.counters.refused(Cause::Full);
            tracing::debug!(%peer, "refused: too many connections");
            return None;
        };
        let Some(place) = self.addresses.take(peer.ip()) else {
            self.shared.counters.refused(Cause::Address);
            tracing::debug!(%peer, "refused: too many connections of this address");
            return None;
        };
        Some(Held {
            _slot: slot,
            _place: place,
            _open: self.open.token(),
            _counted: self.shared.counters.accepted(),
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
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn keep_current(tls: Option<&ServerTls>) -> Infallible {
    match tls {
        Some(tls) => tls.keep_current().await,
        None => pending().await,
    }
}
