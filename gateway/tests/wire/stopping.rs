//! How a gateway stops.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use crate::{
    client::{self, ANSWER_TIMEOUT, BINARY, frame},
    gateway, gateway_to,
    service::{self, Event, LIST},
};

#[tokio::test]
async fn idle_connections_do_not_delay_the_stop_and_the_port_is_free_after_it() {
    let (upstream, _seen) = service::start().await;
    let mut gateway = gateway_to(upstream).await;
    let mut silent = TcpStream::connect(gateway.address).await.unwrap();
    let kept_alive = client::begin(
        gateway.address,
        client::request(http::Method::GET, "/", &[], ""),
    )
    .await;
    gateway.stop.cancel();
    gateway.stopped().await;
    let mut byte = [0];
    assert!(matches!(silent.read(&mut byte).await, Ok(0) | Err(_)));
    drop(kept_alive);
    assert!(TcpStream::connect(gateway.address).await.is_err());
}

#[tokio::test]
async fn during_the_pause_health_reports_the_stop_and_requests_are_served() {
    let (upstream, _seen) = service::start().await;
    let pause = Duration::from_secs(1);
    let mut gateway = gateway(upstream, upstream, |config| config.pause = pause).await;
    let get = |path| client::request(http::Method::GET, path, &[], "");
    let start = Instant::now();
    gateway.stop.cancel();
    let healthy = async || client::send(gateway.address, get("/health")).await.status == 200;
    timeout(ANSWER_TIMEOUT, async { while healthy().await {} })
        .await
        .expect("health reports the stop");
    let answer = client::send(gateway.address, get("/")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["connection"], "close");
    gateway.stopped().await;
    assert!(start.elapsed() >= pause);
}

#[tokio::test]
async fn a_client_that_connected_just_before_the_stop_is_answered() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway_to(upstream).await;
    // The test has one thread, so the gateway runs only while the test awaits.
    let mut client = std::net::TcpStream::connect(gateway.address).unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    gateway.stop.cancel();
    client.set_nonblocking(true).unwrap();
    let mut client = TcpStream::from_std(client).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_call_in_flight_is_answered_before_the_gateway_stops() {
    let (upstream, mut events) = service::start().await;
    let mut gateway = gateway_to(upstream).await;
    let headers = [("content-type", BINARY), ("grpc-timeout", "300m")];
    let request = client::request(http::Method::POST, LIST, &headers, frame(&()));
    let call = tokio::spawn(client::send(gateway.address, request));
    assert!(matches!(events.recv().await.unwrap(), Event::Call(_)));
    gateway.stop.cancel();
    let answer = timeout(ANSWER_TIMEOUT, call).await.unwrap().unwrap();
    assert!(answer.frames().trailers.contains_key("grpc-status"));
    gateway.stopped().await;
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cancelled_after_the_drain_time() {
    let (upstream, mut events) = service::start().await;
    let mut gateway = gateway(upstream, upstream, |config| {
        config.drain = Duration::from_millis(50);
    })
    .await;
    let request = client::call_request(LIST, &());
    let call = tokio::spawn(client::send_alone(gateway.address, request));
    assert!(matches!(events.recv().await.unwrap(), Event::Call(_)));
    gateway.stop.cancel();
    gateway.stopped().await;
    assert!(
        timeout(ANSWER_TIMEOUT, call)
            .await
            .unwrap()
            .unwrap()
            .is_err()
    );
    assert!(matches!(events.recv().await.unwrap(), Event::Cancelled));
}
