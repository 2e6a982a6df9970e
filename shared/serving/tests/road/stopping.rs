//! How a server stops.

use std::{net::SocketAddr, time::Duration};

use contract::proto::{
    auth::{SignInRequest, SignOutRequest, auth_service_client::AuthServiceClient},
    health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
};
use http_body_util::Full;
use hyper::{body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serving::serve::Limits;
use testing::assert_refused;
use testing::limits::of_connections;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tonic::{Code, transport::Channel};
use transport::connections::ConnectionLimits;

use crate::probe::{limits, serve};

/// Far longer than any of this takes, far shorter than the drain bound of [`limits`].
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_call_under_way_is_answered_before_the_server_ends() {
    let served = serve(limits()).await;
    let mut client = served.client.clone();
    let under_way = tokio::spawn(async move { client.sign_in(SignInRequest::default()).await });
    served.sign_in_has_begun().await;

    served.stop.cancel();
    served.release();

    under_way.await.unwrap().unwrap();
    timeout(SOON, served.server)
        .await
        .expect("the server ends with its last call")
        .unwrap();
    let refused = HealthClient::new(served.channel)
        .check(HealthCheckRequest::default())
        .await;
    assert_eq!(
        refused.unwrap_err().code(),
        Code::Unavailable,
        "nothing listens any more"
    );
}

#[tokio::test]
async fn a_call_that_outlasts_the_drain_is_told_so() {
    let served = serve(Limits {
        drain: Duration::from_millis(50),
        ..limits()
    })
    .await;
    let mut client = served.client.clone();
    let under_way = tokio::spawn(async move { client.sign_in(SignInRequest::default()).await });
    served.sign_in_has_begun().await;
    let began = Instant::now();

    served.stop.cancel();

    assert_refused(
        &under_way.await.unwrap().unwrap_err(),
        Code::Unavailable,
        "DRAINING",
    );
    timeout(SOON, served.server)
        .await
        .expect("the stop has its own bound")
        .unwrap();
    assert!(began.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn until_the_pause_is_over_it_says_that_it_leaves_and_takes_calls_from_old_and_new_connections()
 {
    let pause = Duration::from_secs(1);
    let served = serve(Limits { pause, ..limits() }).await;
    let mut health = HealthClient::new(served.channel.clone());
    let request = HealthCheckRequest::default();
    let mut watch = health.watch(request).await.unwrap().into_inner();
    let serving = watch.message().await.unwrap().unwrap();
    assert_eq!(serving.status(), ServingStatus::Serving);
    let began = Instant::now();

    served.stop.cancel();

    let leaving = watch.message().await.unwrap().unwrap();
    assert_eq!(leaving.status(), ServingStatus::NotServing);
    let anew = Channel::from_shared(format!("http://{}", served.address)).unwrap();
    let mut anew = AuthServiceClient::new(anew.connect().await.unwrap());
    let mut before = served.client.clone();
    anew.sign_out(SignOutRequest::default()).await.unwrap();
    before.sign_out(SignOutRequest::default()).await.unwrap();
    timeout(SOON, served.server)
        .await
        .expect("it ends")
        .unwrap();
    assert!(began.elapsed() >= pause);
}

#[tokio::test]
async fn who_connected_just_before_the_stop_is_answered() {
    let served = serve(limits()).await;
    // One thread: the server runs no sooner than this test waits for it.
    let connect = |_| std::net::TcpStream::connect(served.address).unwrap();
    let streams: Vec<_> = (0..32).map(connect).collect();
    served.stop.cancel();
    for stream in streams {
        stream.set_nonblocking(true).unwrap();
        let io = TokioIo::new(TcpStream::from_std(stream).unwrap());
        let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let answer = client.send_request(call(served.address, "SignOut")).await;
        assert_eq!(answer.unwrap().status(), 200);
    }
    timeout(SOON, served.server)
        .await
        .expect("it ends")
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
async fn watchers_hear_of_the_stop_and_do_not_hold_it_up() {
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
    timeout(SOON, served.server)
        .await
        .expect("no watcher holds it up")
        .unwrap();
}

#[tokio::test]
async fn a_connection_that_says_nothing_does_not_hold_up_the_stop() {
    let served = serve(Limits {
        drain: Duration::from_millis(50),
        ..limits()
    })
    .await;
    HealthClient::new(served.channel.clone())
        .check(HealthCheckRequest::default())
        .await
        .unwrap();

    served.stop.cancel();

    timeout(SOON, served.server)
        .await
        .expect("the stop has its own bound")
        .unwrap();
}

#[tokio::test]
async fn an_old_connection_is_replaced_while_its_call_goes_on() {
    let served = serve(Limits {
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
    let under_way = tokio::spawn(client.send_request(call("SignIn")));
    served.sign_in_has_begun().await;

    let told = timeout(SOON, async {
        while client.send_request(call("SignOut")).await.is_ok() {}
    });
    told.await.expect("new calls have to go elsewhere");
    served.release();

    assert_eq!(under_way.await.unwrap().unwrap().status(), 200);
    let closed = timeout(SOON, connection).await;
    closed
        .expect("it closes after its last answer")
        .unwrap()
        .unwrap();
}
