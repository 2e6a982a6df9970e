//! One connection, from its first byte to its last.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tls::ServerTls;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{sleep, timeout},
};
use tower::ServiceExt as _;

use super::{
    answer_timer::AnswerTimer,
    draining::ConnectionDrain,
    first_bytes::{self, OpeningError},
    listener_state::{ListenerState, Outcome},
    paced_body::{PacedBody, Pieces, pace},
    service::HttpService,
    write_timeout::WriteTimeout,
};

/// The address of the client of a connection, in the extensions of its requests.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// During a stop, the first bytes of a new connection may take this long: the client sent them before the stop.
const STOP_FIRST_BYTES_TIMEOUT: Duration = Duration::from_millis(100);
/// During a stop, a TLS handshake may take this long: it needs answers of the client.
const STOP_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves one connection until either end closes it. Over HTTP/2 it may have so many `streams` at once.
pub(super) async fn serve<S>(
    state: Arc<ListenerState>,
    stream: TcpStream,
    peer: SocketAddr,
    streams: u32,
    service: S,
) where
    S: HttpService,
{
    // Answers are written whole. Without this, a small one waits 40 ms for the delayed acknowledgement of the client.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let stream = WriteTimeout::new(stream, state.limits.send_timeout);
    let outcome = match &state.tls {
        None => state.serve_http(stream, peer, streams, service).await,
        Some(tls) => match state.shake_hands(tls, stream).await {
            Ok(stream) => state.serve_http(stream, peer, streams, service).await,
            Err(error) => Err(error.into()),
        },
    };
    if let Err(error) = outcome {
        tracing::debug!(%peer, error, "a connection ended with an error");
    }
}

/// The answer to a request. It is boxed, and the service is called when it is first polled: the task of a stream stays small while its
/// answer is sent, and many requests that arrive at once cost little until it is their turn.
fn answer<S: HttpService>(
    service: S,
    request: Request<Incoming>,
    pieces: Pieces,
    state: Arc<ListenerState>,
) -> BoxFuture<'static, Result<Response<PacedBody<S::ResponseBody>>, S::Error>> {
    Box::pin(async move {
        let answer = service.oneshot(request).await?;
        Ok(pace(answer, pieces, state))
    })
}

impl ListenerState {
    async fn shake_hands(
        &self,
        tls: &ServerTls,
        stream: WriteTimeout<TcpStream>,
    ) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>, OpeningError> {
        let bound = self.limits.handshake_timeout;
        let accepted = self.open_within(tls.accept(stream), bound, STOP_HANDSHAKE_TIMEOUT);
        accepted
            .await
            .inspect_err(|error| error.unless_stopping(|| self.counters.handshake_failed()))
    }

    /// The result of `opening` within `bound`. Once the server stops, `opening` may take `stop_bound` from then on.
    async fn open_within<T>(
        &self,
        opening: impl Future<Output = std::io::Result<T>>,
        bound: Duration,
        stop_bound: Duration,
    ) -> Result<T, OpeningError> {
        let stopping = async {
            self.drain.cancelled().await;
            tokio::select! {
                () = self.cut.cancelled() => {}
                () = sleep(stop_bound) => {}
            }
        };
        tokio::select! {
            biased;
            opened = timeout(bound, opening) => Ok(opened.map_err(|_elapsed| OpeningError::TimedOut)??),
            () = stopping => Err(OpeningError::Stopping),
        }
    }

    /// Serves HTTP over a transport whose TLS handshake, if it has one, is done.
    async fn serve_http<I, S>(
        self: &Arc<Self>,
        io: I,
        peer: SocketAddr,
        streams: u32,
        service: S,
    ) -> Outcome
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: HttpService,
    {
        let first = first_bytes::read(io, self.protocols);
        let bound = self.limits.header_timeout;
        let io = self
            .open_within(first, bound, STOP_FIRST_BYTES_TIMEOUT)
            .await
            .inspect_err(|error| error.unless_stopping(|| self.counters.no_request()))?;
        let drain = ConnectionDrain::new(self);
        let streams_end = drain.streams_end();
        let pieces = if io.is_http2() {
            Pieces::LastByteAlone
        } else {
            Pieces::Whole
        };
        let state = Arc::clone(self);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(streams_end.clone());
            answer(service.clone(), request, pieces, Arc::clone(&state))
        });
        let mut http = self.http.clone();
        http.http2().max_concurrent_streams(streams);
        let connection = http.serve_connection(TokioIo::new(io), service);
        let timer = AnswerTimer::default();
        timer.clone().scope(drain.drive(connection, timer)).await
    }
}
