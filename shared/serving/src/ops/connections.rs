//! The connections of the operations port: few, small and never for long silent.

use std::{
    io::{self, Cursor},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper::{Request, body::Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// Connections at once; more are closed as they come.
const MOST: usize = 64;
/// The longest the headers of a request may take to arrive, and the longest a connection may idle: whoever asks less often
/// than this connects anew.
const SILENCE: Duration = Duration::from_secs(5);
/// How long answers under way may take when the port is closed.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// After a failed accept the next waits this long.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes read ahead, which bounds the headers.
const MOST_HEADERS: usize = 16 * 1024;
/// What every HTTP/2 connection begins with (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves until `stop`, then lets what is under way end.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(MOST));
    let connections = TaskTracker::new();
    let http = http();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _peer)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the operations port cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            tracing::debug!("the operations port has too many connections");
            continue;
        };
        let serving = connection(http.clone(), stream, router.clone(), stop.clone());
        connections.spawn(async move {
            if let Err(error) = serving.await {
                tracing::debug!(error, "a connection of the operations port ended badly");
            }
            drop(slot);
        });
    }
    drop(listener);
    connections.close();
    if timeout(LAST_WORDS, connections.wait()).await.is_err() {
        tracing::debug!("connections of the operations port did not end");
    }
}

fn http() -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE)
        .max_buf_size(MOST_HEADERS);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(16)
        .max_header_list_size(16 * 1024)
        .keep_alive_interval(SILENCE)
        .keep_alive_timeout(SILENCE);
    http
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

async fn connection(
    http: Builder<TokioExecutor>,
    mut stream: TcpStream,
    router: Router,
    stop: CancellationToken,
) -> Result<(), Broken> {
    stream.set_nodelay(true)?;
    let first = timeout(SILENCE, first_bytes(&mut stream)).await??;
    let (read, write) = stream.into_split();
    let io = TokioIo::new(tokio::io::join(Cursor::new(first).chain(read), write));
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        router.oneshot(request)
    });
    let mut connection = pin!(http.serve_connection(io, TowerToHyperService::new(service)));
    tokio::select! {
        outcome = connection.as_mut() => return outcome,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Reads until it is certain which version of HTTP is spoken; hyper's own limit for headers begins only then.
async fn first_bytes(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(PREFACE.len());
    while bytes.len() < PREFACE.len() && PREFACE.starts_with(&bytes) {
        let missing = PREFACE.len() - bytes.len();
        let read = stream.take(missing as u64).read_buf(&mut bytes).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(bytes)
}
