//! One connection, from its first byte to its last.

use std::{
    error::Error,
    net::SocketAddr,
    sync::{Arc, Once},
    time::Duration,
};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt as _};

use super::{
    ConnectionLimits, Peer,
    counts::Counters,
    leaving::Leaving,
    opening::{self, Refused},
};
use tls::{Protocols, ServerTls};

/// A stop waits this long for what a connection that has just opened has to say: the client sent it before the stop.
const FIRST_WORDS: Duration = Duration::from_millis(100);
/// And this long for a TLS handshake to end, which takes the client's part as well.
const LAST_HANDSHAKE: Duration = Duration::from_secs(1);

/// What every connection looks at.
pub(super) struct Shared {
    pub(super) limits: ConnectionLimits,
    pub(super) protocols: Protocols,
    pub(super) tls: Option<ServerTls>,
    pub(super) http: Builder<TokioExecutor>,
    pub(super) counters: Counters,
    pub(super) warned: Once,
    /// Take no new calls.
    pub(super) leave: CancellationToken,
    /// End now.
    pub(super) cut: CancellationToken,
}

/// One connection, until either end closes it.
pub(super) async fn serve<S, B>(
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    service: S,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // Answers are written whole; without this a small one waits for the other end's delayed acknowledgement: 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let outcome = match &shared.tls {
        None => shared.talk(stream, peer, service).await,
        Some(tls) => {
            let within = shared.limits.handshake_timeout;
            let accepted = shared.unless_leaving(tls.accept(stream), within, LAST_HANDSHAKE);
            match accepted.await {
                Ok(stream) => shared.talk(stream, peer, service).await,
                Err(refused) => {
                    if !matches!(refused, Refused::Stopping) {
                        shared.counters.handshake_failed();
                    }
                    Err(refused.into())
                }
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%peer, error, "a connection ended badly");
    }
}

/// How a connection has ended.
pub(super) type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

impl Shared {
    /// What `opening` gives within `bound`, unless the server stops; then it has `last` from the stop on.
    async fn unless_leaving<T>(
        &self,
        opening: impl Future<Output = std::io::Result<T>>,
        bound: Duration,
        last: Duration,
    ) -> Result<T, Refused> {
        let stopping = async {
            self.leave.cancelled().await;
            tokio::select! {
                () = self.cut.cancelled() => {}
                () = sleep(last) => {}
            }
        };
        tokio::select! {
            biased;
            opened = timeout(bound, opening) => Ok(opened.map_err(|_elapsed| Refused::Silent)??),
            () = stopping => Err(Refused::Stopping),
        }
    }

    /// HTTP over an open transport.
    async fn talk<I, S, B>(&self, io: I, peer: SocketAddr, service: S) -> Outcome
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let first = opening::first_bytes(io, self.protocols);
        let within = self.limits.header_timeout;
        let io = match self.unless_leaving(first, within, FIRST_WORDS).await {
            Ok(io) => io,
            Err(refused) => {
                if !matches!(refused, Refused::Stopping) {
                    self.counters.never_spoke();
                }
                return Err(refused.into());
            }
        };
        let leaving = Leaving::new(self);
        let ends = leaving.streams_end();
        let service = service.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(ends.clone());
            request
        });
        let service = TowerToHyperService::new(service);
        let connection = self.http.serve_connection(TokioIo::new(io), service);
        leaving.attend(connection).await
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("limits", &self.limits)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}
