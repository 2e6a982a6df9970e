//! Clients that do not read their answers. Their calls end by a timer outside the body, which nobody polls.

use std::{net::SocketAddr, time::Duration};

use contract::proto::{
    auth::{ExchangeApiKeyRequest, SignOutRequest},
    health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
};
use http::Response;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serving::serve::ServerLimits;
use telemetry::metrics::Metrics;
use testing::{assert_refused, limits::of_connections};
use tokio::{net::TcpStream, time::timeout};
use tonic::{Code, Request};
use transport::{connections::ConnectionLimits, network::Network};

use crate::probe::{LONG_TOKEN_BYTES, Served, limits, serve_counting};

/// Longer than any step takes. Only a test that fails waits this long.
const TEST_TIMEOUT: Duration = Duration::from_secs(9);
/// The time limits under test.
const LIMIT: Duration = Duration::from_millis(50);
/// Its answer has [`LONG_TOKEN_BYTES`].
const LONG: &str = "/tandem.auth.v1.AuthService/ExchangeApiKey";
/// Its answer has 5 bytes.
const SHORT: &str = "/tandem.auth.v1.AuthService/SignOut";
const WATCH: &str = "/grpc.health.v1.Health/Watch";

async fn serve(limits: ServerLimits) -> (Served, Metrics) {
    let metrics = Metrics::of_service("tandem-test", "test");
    (serve_counting(limits, &metrics).await, metrics)
}

/// One place, and answers that must be received soon.
fn impatient() -> ServerLimits {
    ServerLimits {
        max_in_flight: 1,
        deadline: LIMIT,
        answer_grace: LIMIT,
        ..limits()
    }
}

/// A client that gives each answer room for `window` bytes, and never more.
async fn with_window(address: SocketAddr, window: u32) -> SendRequest<Full<Bytes>> {
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let mut client = http2::Builder::new(TokioExecutor::new());
    client.initial_stream_window_size(window);
    let (client, connection) = client.handshake(io).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Calls `path`, and returns when the headers of the answer are there. Its body is not read.
async fn call(
    client: &mut SendRequest<Full<Bytes>>,
    path: &str,
    address: &str,
) -> Response<Incoming> {
    let request = http::Request::post(format!("http://test{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("x-forwarded-for", address)
        .body(Full::new(Bytes::from_static(&[0; 5])))
        .unwrap();
    client.send_request(request).await.unwrap()
}

/// Waits until this many answers were ended because nobody read them.
async fn until_unread(metrics: &Metrics, count: usize) {
    let expected = format!("tandem_answers_unread_total {count}");
    let polling = async {
        while !metrics.text().lines().any(|line| line == expected) {
            tokio::task::yield_now().await;
        }
    };
    let ended = timeout(TEST_TIMEOUT, polling).await;
    assert!(ended.is_ok(), "{expected}");
}

/// Waits until the one place is free.
async fn until_admitted(served: &Served) {
    let mut client = served.client.clone();
    let polling = async { while client.sign_out(SignOutRequest::default()).await.is_err() {} };
    timeout(TEST_TIMEOUT, polling).await.expect("a free place");
}

#[tokio::test]
async fn an_answer_that_nobody_reads_holds_its_place_until_its_client_goes_away() {
    let (served, _) = serve(ServerLimits {
        max_in_flight: 1,
        ..limits()
    })
    .await;
    let mut client = with_window(served.address, 0).await;
    let unread = call(&mut client, SHORT, "192.0.2.1").await;
    let mut other = served.client.clone();
    let refused = other.sign_out(SignOutRequest::default()).await.unwrap_err();
    assert_refused(&refused, Code::Unavailable, "OVERLOADED");
    drop((unread, client));
    until_admitted(&served).await;
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_reset_after_the_deadline_of_its_call() {
    let (served, metrics) = serve(impatient()).await;
    let mut unread = 0;
    let short_of = [(SHORT, [0, 1, 2, 4]), (LONG, [0, 1, 100, 65_535])];
    for (path, windows) in short_of {
        for window in windows {
            let mut client = with_window(served.address, window).await;
            let answer = call(&mut client, path, "192.0.2.1").await;
            unread += 1;
            until_unread(&metrics, unread).await;
            until_admitted(&served).await;
            let error = read(answer).await.unwrap_err();
            assert!(format!("{error:?}").contains("CANCEL"), "{error:?}");
        }
    }
}

async fn read(answer: Response<Incoming>) -> hyper::Result<()> {
    timeout(TEST_TIMEOUT, answer.into_body().collect())
        .await
        .expect("the answer ends")
        .map(|_whole| ())
}

#[tokio::test]
async fn an_answer_that_is_read_is_whole() {
    let (served, metrics) = serve(ServerLimits {
        max_unsent_bytes: LONG_TOKEN_BYTES / 2,
        deadline: TEST_TIMEOUT,
        ..impatient()
    })
    .await;
    let request = ExchangeApiKeyRequest::default();
    let mut client = served.client.clone();
    client = client.max_decoding_message_size(2 * LONG_TOKEN_BYTES);
    for _ in 0..3 {
        let answer = client.exchange_api_key(request.clone()).await.unwrap();
        assert_eq!(answer.get_ref().access_token.len(), LONG_TOKEN_BYTES);
    }
    until_unread(&metrics, 0).await;
}

#[tokio::test]
async fn a_message_of_a_stream_that_is_not_read_ends_the_stream_and_an_idle_stream_goes_on() {
    let (served, metrics) = serve(ServerLimits {
        connections: ConnectionLimits {
            send_timeout: LIMIT,
            ..of_connections()
        },
        ..limits()
    })
    .await;
    let mut health = HealthClient::new(served.channel.clone());
    let idle = health.watch(HealthCheckRequest::default()).await.unwrap();
    let mut idle = idle.into_inner();
    let first = idle.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);

    let mut client = with_window(served.address, 0).await;
    let _unread = call(&mut client, WATCH, "192.0.2.1").await;
    until_unread(&metrics, 1).await;

    served.health.set_ready(false);
    let next = idle.message().await.unwrap().unwrap();
    assert_eq!(next.status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn a_client_with_many_unread_bytes_gets_no_more_and_others_do() {
    let (served, metrics) = serve(ServerLimits {
        trusted_proxies: Network::loopback().to_vec(),
        principal_share: 50,
        max_unsent_bytes: 3 * LONG_TOKEN_BYTES,
        connections: of_connections(),
        deadline: Duration::from_secs(1),
        answer_grace: Duration::ZERO,
        ..limits()
    })
    .await;
    let mut client = with_window(served.address, 0).await;
    let _unread = call(&mut client, LONG, "192.0.2.1").await;

    let exchange = async |address: &str| {
        let mut request = Request::new(ExchangeApiKeyRequest::default());
        let address = address.parse().unwrap();
        request.metadata_mut().insert("x-forwarded-for", address);
        let client = served.client.clone();
        let mut client = client.max_decoding_message_size(2 * LONG_TOKEN_BYTES);
        client.exchange_api_key(request).await
    };
    for _ in 0..3 {
        let refused = exchange("192.0.2.1").await.unwrap_err();
        assert_refused(&refused, Code::ResourceExhausted, "RATE_LIMITED");
    }
    // The unread one, and the first that did not fit. The others were refused before their method ran.
    assert_eq!(served.long_answers(), 2);
    let short = call(&mut client, SHORT, "192.0.2.1").await;
    assert_eq!(short.headers().get("grpc-status"), None);
    exchange("192.0.2.2").await.unwrap();
    until_unread(&metrics, 1).await;
    exchange("192.0.2.1").await.unwrap();
}
