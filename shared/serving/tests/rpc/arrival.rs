//! Calls whose headers arrive without their message.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use contract::proto::auth::SignOutRequest;
use futures_util::{StreamExt as _, future, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::{body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serving::serve::ServerLimits;
use testing::assert_refused;
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};
use tonic::{Code, Status};

use crate::probe::{limits, serve};

/// Longer than any step takes. Only a test that fails waits this long.
const TEST_TIMEOUT: Duration = Duration::from_secs(9);
const PLACES: usize = 4;
const SIGN_OUT: &str = "/tandem.auth.v1.AuthService/SignOut";
/// The beginning of a message of 2,000 bytes.
const HALF_A_MESSAGE: &[u8] = &[0, 0, 0, 7, 0xd0, 1, 2, 3];

fn few_places(body_timeout: Duration) -> ServerLimits {
    ServerLimits {
        max_in_flight: PLACES,
        deadline: Duration::from_mins(1),
        body_timeout,
        ..limits()
    }
}

/// Opens `count` calls of `path` on one connection with headers and `sent`, and no end. Returns their answers.
async fn open(
    address: SocketAddr,
    path: &str,
    count: usize,
    sent: &'static [u8],
) -> Vec<JoinHandle<Status>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let io = TokioIo::new(stream);
    let (client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let open_one = |_| {
        let begin = (!sent.is_empty()).then(|| Frame::data(Bytes::from_static(sent)));
        let begin = stream::iter(begin.map(Ok::<_, Infallible>));
        let request = http::Request::post(format!("http://{address}{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(StreamBody::new(begin.chain(stream::pending())))
            .unwrap();
        let mut client = client.clone();
        tokio::spawn(async move {
            let answer = client.send_request(request).await.unwrap();
            Status::from_header_map(answer.headers()).expect("a status alone")
        })
    };
    (0..count).map(open_one).collect()
}

#[tokio::test]
async fn calls_without_their_message_take_no_place() {
    let mut served = serve(few_places(Duration::from_mins(1))).await;
    let mut waiting = Vec::new();
    for sent in [b"".as_slice(), &[0; 5], HALF_A_MESSAGE] {
        waiting.extend(open(served.address, SIGN_OUT, 3 * PLACES, sent).await);
    }
    let other = open(served.address, "/grpc.health.v1.Health/Watch", PLACES, b"").await;
    waiting.extend(other);
    for _ in 0..100 {
        let answer = served.client.sign_out(SignOutRequest::default()).await;
        answer.unwrap();
    }
    assert!(waiting.iter().all(|call| !call.is_finished()));
}

#[tokio::test]
async fn a_message_that_is_not_there_in_time_is_refused() {
    let served = serve(few_places(Duration::from_millis(50))).await;
    let mut waiting = Vec::new();
    for path in [SIGN_OUT, "/grpc.health.v1.Health/Watch"] {
        for sent in [b"".as_slice(), &[0; 5], HALF_A_MESSAGE] {
            waiting.extend(open(served.address, path, 2, sent).await);
        }
    }
    let refused = timeout(TEST_TIMEOUT, future::join_all(waiting));
    for status in refused.await.expect("the calls end") {
        let status = status.unwrap();
        assert_refused(&status, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    }
}

#[tokio::test]
async fn calls_that_wait_for_their_message_are_bounded_for_each_client() {
    let mut served = serve(ServerLimits {
        max_in_flight: 1,
        principal_share: 25,
        ..few_places(Duration::from_mins(1))
    })
    .await;
    // Sixteen may wait, four of one client.
    let waiting = open(served.address, SIGN_OUT, 5, b"").await;
    let (refused, _, waiting) = timeout(TEST_TIMEOUT, future::select_all(waiting))
        .await
        .expect("one is refused");
    let refused = refused.unwrap();
    assert_refused(&refused, Code::ResourceExhausted, "RATE_LIMITED");
    assert!(waiting.iter().all(|call| !call.is_finished()));
    waiting.iter().for_each(JoinHandle::abort);
    while served
        .client
        .sign_out(SignOutRequest::default())
        .await
        .is_err()
    {}
}
