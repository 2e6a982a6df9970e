//! The stop of a server.

use std::{net::SocketAddr, time::Duration};

use contract::proto::{
    auth::{SignInRequest, SignOutRequest, auth_service_client::AuthServiceClient},
    health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
};
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::{body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serving::serve::ServerLimits;
use testing::assert_refused;
use testing::limits::of_connections;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tonic::{Code, transport::Channel};
use transport::connections::ConnectionLimits;

use crate::probe::{limits, serve};

/// Much longer than any step takes, and much shorter than the drain time of [`limits`].
const TEST_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_call_in_flight_is_answered_before_the_server_ends() {
    let served = serve(limits()).await;
    let mut client = served.client.clone();
    let in_flight = tokio::spawn(async move { client.sign_in(SignInRequest::default()).await });
    served.sign_in_has_started().await;

    served.stop.cancel();
    served.release();

    in_flight.await.unwrap().unwrap();
    timeout(TEST_TIMEOUT, served.server)
        .await
        .expect("the server ends with its last call")
        .unwrap();
    let refused = HealthClient::new(served.channel)
        .check(HealthCheckRequest::default())
        .await;
    assert_eq!(
        refused.unwrap_err().code(),
        Code::Unavailable,
        "the listener is closed"
    );
}

#[tokio::test]
async fn a_call_that_outlasts_the_drain_time_is_refused_with_draining() {
    let served = serve(ServerLimits {
        drain: Duration::from_millis(50),
        ..limits()
    })
    .await;
    let mut client = served.client.clone();
    let in_flight = tokio::spawn(async move { client.sign_in(SignInRequest::default()).await });
    served.sign_in_has_started().await;
    let began = Instant::now();

    served.stop.cancel();

    assert_refused(
        &in_flight.await.unwrap().unwrap_err(),
        Code::Unavailable,
        "DRAINING",
    );
    timeout(TEST_TIMEOUT, served.server)
        .await
        .expect("the stop has its own time limit")
        .unwrap();
    assert!(began.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn during_the_pause_health_is_not_serving_and_calls_of_old_and_new_connections_are_answered()
{
    let pause = Duration::from_secs(1);
    let served = serve(ServerLimits { pause, ..limits() }).await;
    let mut health = HealthClient::new(served.channel.clone());
    let request = HealthCheckRequest::default();
    let mut watch = health.watch(request).await.unwrap().into_inner();
    let serving = watch.message().await.unwrap().unwrap();
    assert_eq!(serving.status(), ServingStatus::Serving);
    let began = Instant::now();

    served.stop.cancel();

    let status = watch.message().await.unwrap().unwrap();
    assert_eq!(status.status(), ServingStatus::NotServing);
    let new = Channel::from_shared(format!("http://{}", served.address)).unwrap();
    let mut new = AuthServiceClient::new(new.connect().await.unwrap());
    let mut old = served.client.clone();
    new.sign_out(SignOutRequest::default()).await.unwrap();
    old.sign_out(SignOutRequest::default()).await.unwrap();
    timeout(TEST_TIMEOUT, served.server)
        .await
        .expect("the server ends in time")
        .unwrap();
    assert!(began.elapsed() >= pause);
}

#[tokio::test]
async fn a_client_that_connected_just_before_the_stop_is_answered() {
    let served = serve(limits()).await;
    // There is one thread: the server does not run before this test waits for something.
    let connect = |_| std::net::TcpStream::connect(served.address).unwrap();
    let streams: Vec<_> = (0..32).map(connect).collect();
    served.stop.cancel();
    // All send their first bytes before the server runs.
    let answers = streams.into_iter().map(async |stream| {
        stream.set_nonblocking(true).unwrap();
        let io = TokioIo::new(TcpStream::from_std(stream).unwrap());
        let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let answer = client.send_request(call(served.address, "SignOut")).await;
        assert_eq!(answer.unwrap().status(), 200);
    });
    join_all(answers).await;
    timeout(TEST_TIMEOUT, served.server)
        .await
        .expect("the server ends in time")
        .unwrap();
}

/// A call with an empty message.
fn call(address: SocketAddr, method: &str) -> http::Request<Full<Bytes>> {
    http::Request::post(format!(
        "http://{address}/tandem.auth.v1.AuthService/{method}"
    ))
    .header("content-type", "application/grpc")
    .header("te", "trailers")
    .body(Full::new(Bytes::from_static(&[0; 5])))
    .unwrap()
}

#[tokio::test]
async fn open_watches_receive_the_stop_and_do_not_delay_it() {
    let served = serve(limits()).await;
    let request = HealthCheckRequest {
        service: String::new(),
    };
    let mut watch = HealthClient::new(served.channel.clone())
        .watch(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        watch.message().await.unwrap().unwrap().status(),
        ServingStatus::Serving
    );
    assert!(served.health.is_ready());

    served.stop.cancel();

    assert_eq!(
        watch.message().await.unwrap().unwrap().status(),
        ServingStatus::NotServing
    );
    assert!(watch.message().await.unwrap().is_none(), "the stream ends");
    timeout(TEST_TIMEOUT, served.server)
        .await
        .expect("no watch delays the stop")
        .unwrap();
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_the_stop() {
    let served = serve(ServerLimits {
        drain: Duration::from_millis(50),
        ..limits()
    })
    .await;
    HealthClient::new(served.channel.clone())
        .check(HealthCheckRequest::default())
        .await
        .unwrap();

    served.stop.cancel();

    timeout(TEST_TIMEOUT, served.server)
        .await
        .expect("the stop has its own time limit")
        .unwrap();
}

#[tokio::test]
async fn an_old_connection_is_replaced_while_its_call_goes_on() {
    let served = serve(ServerLimits {
        connections: ConnectionLimits {
            connection_age: Duration::from_millis(50),
            ..of_connections()
        },
        ..limits()
    })
    .await;
    let stream = TcpStream::connect(served.address).await.unwrap();
    let io = TokioIo::new(stream);
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let call = |method| call(served.address, method);
    let in_flight = tokio::spawn(client.send_request(call("SignIn")));
    served.sign_in_has_started().await;

    let refused = timeout(TEST_TIMEOUT, async {
        while client.send_request(call("SignOut")).await.is_ok() {}
    });
    refused
        .await
        .expect("the old connection takes no new calls");
    served.release();

    assert_eq!(in_flight.await.unwrap().unwrap().status(), 200);
    let closed = timeout(TEST_TIMEOUT, connection).await;
    closed
        .expect("the connection closes after its last answer")
        .unwrap()
        .unwrap();
}
