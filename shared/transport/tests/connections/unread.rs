//! Clients that take no bytes.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use http_body::Frame;
use hyper::body::{Bytes, Incoming};
use tls::Protocols;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket},
    time::{Instant, timeout},
};
use transport::connections::{Connections, ReceiveBy};

use crate::{
    fixture::{
        TEST_TIMEOUT, certified, check, limits, serve_plaintext, serve_tls, shake_hands,
        until_counts,
    },
    frames::{PREFACE, SETTINGS, frame},
};

const PING: u8 = 6;

/// Asks for answers without an end, and reads none, until the server closes the connection.
async fn ask_without_reading(mut stream: impl tokio::io::AsyncWrite + Unpin) {
    let begin = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    stream.write_all(&begin).await.unwrap();
    let pings = frame(PING, 0, 0, &[0; 8]).repeat(1000);
    let asking = async { while stream.write_all(&pings).await.is_ok() {} };
    let closed = timeout(TEST_TIMEOUT, asking).await;
    closed.expect("the server closes the connection");
}

#[tokio::test]
async fn a_connection_whose_client_takes_no_bytes_is_closed() {
    let impatient = || limits(|limits| limits.send_timeout = Duration::from_millis(50));
    let (authority, folder, _) = certified();
    let (with_tls, _) = serve_tls(impatient(), &folder).await;
    let plaintext = serve_plaintext(impatient()).await;
    let channel = plaintext.channel();
    check(&channel).await.unwrap();
    for served in [&plaintext, &with_tls] {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(served.address).await.unwrap();
        if std::ptr::eq(served, &raw const with_tls) {
            let stream = shake_hands(stream, &authority, &[b"h2"]).await.unwrap();
            ask_without_reading(stream).await;
        } else {
            ask_without_reading(stream).await;
        }
    }
    until_counts(&with_tls, |counts| counts.open == 0).await;
    until_counts(&plaintext, |counts| counts.open == 1).await;
    check(&channel).await.unwrap();
}

/// A body that always has more.
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 16_000])))))
    }
}

/// Answers every request with a body that must be received soon.
async fn serve_endless() -> (std::net::SocketAddr, Connections) {
    let connections = Connections::new(limits(|_| {}), Protocols::Http2AndHttp1);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = connections.clone();
    tokio::spawn(async move {
        let service = tower::service_fn(async |_: Request<Incoming>| {
            let mut answer = Response::new(Endless);
            answer.extensions_mut().insert(ReceiveBy {
                end: Some(Instant::now() + Duration::from_millis(50)),
                streaming: false,
            });
            Ok::<_, Infallible>(answer)
        });
        let forever = std::future::pending();
        serving.accept_until(&listener, &service, forever).await;
    });
    (address, connections)
}

#[tokio::test]
async fn an_answer_over_http1_that_is_not_received_in_time_closes_its_connection() {
    let (address, connections) = serve_endless().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let closed = async {
        while connections.counts().unread == 0 || connections.counts().open > 0 {
            tokio::task::yield_now().await;
        }
        let mut answer = Vec::new();
        let _a_reset_ends_it_too = stream.read_to_end(&mut answer).await;
    };
    timeout(TEST_TIMEOUT, closed).await.expect("it is closed");
}
