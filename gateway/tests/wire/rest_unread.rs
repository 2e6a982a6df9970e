//! Long lists over REST, and clients that do not read them.

use std::{any::Any, convert::Infallible, net::SocketAddr, time::Duration};

use ::gateway::Config;
use api::grpc_timeout;
use axum::{body::Body, extract::Request};
use contract::proto::task::{ListTasksRequest, ListTasksResponse, Task};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::{
    body::{Bytes, Frame, Incoming},
    client::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::mpsc::{self, UnboundedReceiver},
    time::timeout,
};

use crate::{
    Running,
    client::{ANSWER_TIMEOUT, frame},
    gateway,
    rest::{BEARER, BOTH, Http, TASKS, ask, assert_refused},
    service::{LIST, start_raw},
};

/// A list whose JSON has six times as many bytes, more than the system buffers of a connection.
fn long_list() -> ListTasksResponse {
    let task = Task {
        description: "\u{1}".repeat(3 << 19),
        ..Task::default()
    };
    ListTasksResponse {
        tasks: vec![task],
        ..ListTasksResponse::default()
    }
}

/// A task service whose lists are long, and whose other answers are short.
async fn long_lists() -> SocketAddr {
    start_raw(|request: Request| async move {
        let is_list = request.uri().path() == LIST;
        let message = if is_list {
            frame(&long_list())
        } else {
            frame(&())
        };
        answer_with(message)
    })
    .await
}

/// A successful answer of a service.
fn answer_with(message: Vec<u8>) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [Frame::data(Bytes::from(message)), Frame::trailers(trailers)];
    let frames = stream::iter(frames).map(Ok::<_, Infallible>);
    let mut answer = Response::new(Body::new(StreamBody::new(frames)));
    let grpc = HeaderValue::from_static("application/grpc");
    answer.headers_mut().insert("content-type", grpc);
    answer
}

async fn gateway_with(adjust: impl FnOnce(&mut Config)) -> Running {
    let upstream = long_lists().await;
    gateway(upstream, upstream, adjust).await
}

/// A client that asked for a list and never reads it. It goes away when this is dropped.
struct Unread {
    _connection: Box<dyn Any + Send>,
}

impl Unread {
    /// Returns when the answer has begun.
    async fn list(http: Http, address: SocketAddr) -> Self {
        Self {
            _connection: match http {
                Http::One => Box::new(list_over_http1(address).await),
                Http::Two => Box::new(list_over_http2(address).await),
            },
        }
    }
}

async fn list_over_http1(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let (name, value) = BEARER;
    let request = format!("GET {TASKS} HTTP/1.1\r\nhost: a\r\n{name}: {value}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    stream
}

async fn list_over_http2(
    address: SocketAddr,
) -> (http2::SendRequest<Full<Bytes>>, Response<Incoming>) {
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(0);
    let (mut sender, connection) = builder.handshake(io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(format!("http://gateway.test{TASKS}"))
        .header(BEARER.0, BEARER.1)
        .body(Full::default())
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    (sender, answer)
}

async fn status_of_delete(http: Http, gateway: &Running) -> u16 {
    let path = format!("{TASKS}/1");
    let answer = ask(http, gateway.address, Method::DELETE, &path, "").await;
    answer.status.as_u16()
}

/// Waits until a call is admitted again: the gateway notices the end of an answer after its client does.
async fn admitted(http: Http, gateway: &Running) {
    let admitted = async { while status_of_delete(http, gateway).await != 204 {} };
    let admitted = timeout(ANSWER_TIMEOUT, admitted).await;
    admitted.expect("the unread answer has ended");
}

#[tokio::test]
async fn a_list_that_nobody_reads_holds_its_place_until_its_time_is_over() {
    for http in BOTH {
        let gateway = gateway_with(|config| {
            config.calls.max_in_flight = 1;
            config.calls.deadline = Duration::from_secs(2);
            config.calls.answer_grace = Duration::from_millis(50);
            config.connections.send_timeout = Duration::from_secs(1);
        })
        .await;
        let unread = Unread::list(http, gateway.address).await;
        let refused = ask(http, gateway.address, Method::GET, TASKS, "").await;
        assert_refused(&refused, 503, "OVERLOADED");
        admitted(http, &gateway).await;
        drop(unread);
        if http == Http::Two {
            let metrics = gateway.metrics.text();
            assert!(metrics.contains("\ntandem_answers_unread_total 1\n"));
        }
    }
}

#[tokio::test]
async fn the_bytes_of_lists_that_nobody_reads_are_counted_until_their_client_goes_away() {
    for http in BOTH {
        let gateway = gateway_with(|config| {
            config.calls.max_unsent_bytes = 1 << 20;
            config.calls.principal_share = 100;
        })
        .await;
        // The first is always sent, however long it is.
        let unread = Unread::list(http, gateway.address).await;
        for _ in 0..2 {
            let refused = ask(http, gateway.address, Method::GET, TASKS, "").await;
            assert_refused(&refused, 503, "OVERLOADED");
            assert_eq!(status_of_delete(http, &gateway).await, 503);
        }
        drop(unread);
        admitted(http, &gateway).await;
    }
}

#[tokio::test]
async fn a_list_that_is_read_gives_its_bytes_back() {
    let gateway = gateway_with(|config| config.calls.max_unsent_bytes = 1 << 20).await;
    for http in BOTH {
        for _ in 0..2 {
            let answer = ask(http, gateway.address, Method::GET, TASKS, "").await;
            assert_eq!(answer.status, 200, "{:?}", answer.headers);
            assert_eq!(answer.json().as_array().unwrap().len(), 1);
            let length = answer.body.len().to_string();
            assert_eq!(answer.header("content-length"), length);
            admitted(http, &gateway).await;
        }
    }
}

/// Answers a list with two pages, and takes this long for the first. Returns how much time each call was given.
async fn two_pages(pause: Duration) -> (SocketAddr, UnboundedReceiver<Duration>) {
    let (seen, given) = mpsc::unbounded_channel();
    let upstream = start_raw(move |request: Request| async move {
        let left = grpc_timeout::from_headers(request.headers()).unwrap();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let asked = ListTasksRequest::decode(&body[5..]).unwrap_or_default();
        let mut page = ListTasksResponse::default();
        if let Some(left) = left {
            seen.send(left).unwrap();
            if asked.page_token.is_empty() {
                tokio::time::sleep(pause).await;
                "second".clone_into(&mut page.next_page_token);
            }
        }
        answer_with(frame(&page))
    });
    (upstream.await, given)
}

#[tokio::test]
async fn all_pages_of_a_list_have_one_deadline_and_one_place() {
    let pause = Duration::from_millis(50);
    let (upstream, mut given) = two_pages(pause).await;
    let gateway = gateway(upstream, upstream, |config| config.calls.max_in_flight = 1).await;
    let answer = ask(Http::One, gateway.address, Method::GET, TASKS, "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.body.as_slice()),
        (200, b"[]".as_slice())
    );
    let (first, second) = (given.recv().await.unwrap(), given.recv().await.unwrap());
    assert!(second + pause <= first, "{first:?} {second:?}");
}
