//! Accepts connections, HTTP/1.1 and HTTP/2 with prior knowledge (h2c) alike, holds them to their limits, and ends them.
//!
//! hyper's own time limit for headers begins once the version is known, so the bytes that tell it are awaited here, under the
//! same limit: otherwise a client that sends nothing would keep its connection for ever. And hyper waits for the calls in
//! flight without a limit, so the limit is here as well.

use std::{future::Future, io, io::Cursor, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::{Request, body::Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use shared::metrics::Connections;

use crate::{Config, access_log::Peer};

/// What every HTTP/2 connection begins with (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a request's headers, for HTTP/2.
const MAX_HEADERS: u32 = 16 * 1024;

/// Bytes hyper reads ahead on an HTTP/1.1 connection, which bounds the headers there.
const MAX_BUFFER: usize = 32 * 1024;

/// A stop waits this long for what a connection that has just opened has to say.
const FIRST_WORDS: Duration = Duration::from_millis(100);

/// A moment without file descriptors passes; asking again at once would only burn time.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// The settings that concern connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    header_timeout: Duration,
    keepalive_interval: Duration,
    keepalive_timeout: Duration,
    max_connections: usize,
    max_streams: u32,
    drain_timeout: Duration,
}

impl From<&Config> for Limits {
    fn from(config: &Config) -> Self {
        Self {
            header_timeout: config.header_timeout,
            keepalive_interval: config.keepalive_interval,
            keepalive_timeout: config.keepalive_timeout,
            max_connections: config.max_connections.min(Semaphore::MAX_PERMITS),
            max_streams: config.max_streams,
            drain_timeout: config.drain,
        }
    }
}

/// What every connection shares.
#[derive(Clone)]
struct Server {
    router: Router,
    builder: Builder<TokioExecutor>,
    header_timeout: Duration,
    /// End when the calls in flight have ended.
    stop: CancellationToken,
    /// End now.
    cut: CancellationToken,
}

/// Serves until `shutdown`, then drains. Returns when no connection is left.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    counts: Connections,
    shutdown: impl Future<Output = ()> + Send,
) {
    let server = Server {
        router,
        builder: builder(limits),
        header_timeout: limits.header_timeout,
        stop: CancellationToken::new(),
        cut: CancellationToken::new(),
    };
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            (stream, peer, slot) = accept(&listener, &slots) => {
                let (server, open) = (server.clone(), counts.accept());
                connections.spawn(async move {
                    server.connection(stream, peer).await;
                    drop((slot, open));
                });
            }
        }
    }
    for (stream, peer) in shared::backlog::close(listener) {
        let server = server.clone();
        connections.spawn(async move { server.connection(stream, peer).await });
    }
    drain(&server, &connections, limits.drain_timeout).await;
}

/// Takes a slot first: at the cap, connections wait in the system's queue instead of being accepted and left alone.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let slot = Arc::clone(slots)
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slot),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}

async fn drain(server: &Server, connections: &TaskTracker, longest: Duration) {
    server.stop.cancel();
    connections.close();
    if timeout(longest, connections.wait()).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "cut after the time to drain"
        );
        server.cut.cancel();
        connections.wait().await;
    }
}

fn builder(limits: Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(MAX_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(MAX_HEADERS)
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout);
    builder
}

impl Server {
    async fn connection(&self, mut stream: TcpStream, peer: SocketAddr) {
        let first = tokio::select! {
            () = self.silent_at_stop() => return,
            first = timeout(self.header_timeout, first_bytes(&mut stream)) => first,
        };
        let outcome = match first {
            Ok(Ok(first)) => self.http(stream, first, peer).await,
            Ok(Err(error)) => Err(error.into()),
            Err(elapsed) => Err(elapsed.into()),
        };
        if let Err(error) = outcome {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }

    /// Resolves soon after the stop: what a client sent before it, on a connection that was only just accepted, counts.
    async fn silent_at_stop(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(FIRST_WORDS).await;
    }

    async fn http(
        &self,
        stream: TcpStream,
        first: Vec<u8>,
        peer: SocketAddr,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        // Answers are written whole; waiting for more to send with them (Nagle) would only delay them.
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        let io = TokioIo::new(tokio::io::join(Cursor::new(first).chain(read), write));
        let router = self.router.clone();
        let service = tower::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            router.clone().oneshot(request)
        });
        let service = TowerToHyperService::new(service);
        let mut connection = pin!(self.builder.serve_connection(io, service));
        tokio::select! {
            // First, so that it has seen what was sent before it is told to end.
            biased;
            outcome = connection.as_mut() => return outcome,
            () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            outcome = connection => outcome,
            () = self.cut.cancelled() => Ok(()),
        }
    }
}

/// Reads until it is certain which version of HTTP is spoken.
async fn first_bytes(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(HTTP2_PREFACE.len());
    while bytes.len() < HTTP2_PREFACE.len() && HTTP2_PREFACE.starts_with(&bytes) {
        let missing = HTTP2_PREFACE.len() - bytes.len();
        let read = stream.take(missing as u64).read_buf(&mut bytes).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(bytes)
}
