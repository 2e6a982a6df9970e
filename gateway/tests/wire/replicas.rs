//! A service with several replicas, some of which are unreachable or fail.

use std::net::SocketAddr;

use contract::proto::{
    health::health_check_response::ServingStatus,
    task::{CreateTaskRequest, GetTaskRequest, Task},
};
use h2::Reason;
use hyper::body::Bytes;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc::UnboundedReceiver,
};
use tonic::Code;

use crate::{
    Running,
    client::{self, Answer},
    closed_port, gateway,
    service::{self, CREATE, Event, GET},
};

async fn gateway_to_replicas(replicas: &[SocketAddr]) -> Running {
    let uris = replicas.iter().map(|one| format!("http://{one}").parse());
    let uris = uris.collect::<Result<_, _>>().unwrap();
    gateway(replicas[0], replicas[0], |config| {
        config.upstreams.task = uris;
    })
    .await
}

async fn create(gateway: &Running) -> Answer {
    let request = CreateTaskRequest {
        task: Some(Task::default()),
        ..CreateTaskRequest::default()
    };
    client::call(gateway.address, CREATE, &request).await
}

fn code(answer: &Answer) -> String {
    let trailers = answer.frames().trailers;
    trailers["grpc-status"].to_str().unwrap().to_owned()
}

fn calls(events: &mut UnboundedReceiver<Event>) -> usize {
    std::iter::from_fn(|| events.try_recv().ok())
        .filter(|event| matches!(event, Event::Call(_)))
        .count()
}

/// A replica that accepts one call on each connection and handles it with `handle`.
async fn replica<T, F>(handle: T) -> SocketAddr
where
    T: Fn(h2::server::SendResponse<Bytes>, Connection) -> F + Send + Copy + 'static,
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, respond))) = connection.accept().await {
                    if request.uri().path().starts_with("/grpc.health") {
                        unimplemented(respond);
                    } else {
                        return handle(respond, connection).await;
                    }
                }
            });
        }
    });
    address
}

/// A replica without a health service counts as serving.
fn unimplemented(mut respond: h2::server::SendResponse<Bytes>) {
    let answer = http::Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", "12");
    respond
        .send_response(answer.body(()).unwrap(), true)
        .unwrap();
}

type Connection = h2::server::Connection<TcpStream, Bytes>;

#[tokio::test]
async fn replicas_receive_calls_in_turn() {
    let (first, mut seen_by_first) = service::start().await;
    let (second, mut seen_by_second) = service::start().await;
    let gateway = gateway_to_replicas(&[first, second]).await;
    for _ in 0..10 {
        assert_eq!(code(&create(&gateway).await), "0");
    }
    assert_eq!(
        (calls(&mut seen_by_first), calls(&mut seen_by_second)),
        (5, 5)
    );
}

#[tokio::test]
async fn a_replica_that_does_not_serve_gets_no_call() {
    let (stopping, mut seen_by_stopping) = service::start_as(ServingStatus::NotServing).await;
    let (healthy, mut seen) = service::start().await;
    let gateway = gateway_to_replicas(&[stopping, healthy]).await;
    let others_only = async {
        loop {
            calls(&mut seen_by_stopping);
            for _ in 0..4 {
                assert_eq!(code(&create(&gateway).await), "0");
            }
            if calls(&mut seen_by_stopping) == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(client::ANSWER_TIMEOUT, others_only)
        .await
        .expect("it gets no calls after it reported that it does not serve");
    assert!(calls(&mut seen) >= 4);
}

#[tokio::test]
async fn no_call_fails_because_a_replica_is_unreachable() {
    let (healthy, _seen) = service::start().await;
    let gateway = gateway_to_replicas(&[closed_port().await, healthy, closed_port().await]).await;
    for _ in 0..20 {
        assert_eq!(code(&create(&gateway).await), "0");
    }
}

#[tokio::test]
async fn a_call_is_refused_when_no_replica_is_reachable() {
    let gateway = gateway_to_replicas(&[closed_port().await, closed_port().await]).await;
    let answer = create(&gateway).await;
    answer.assert_refused(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
}

#[tokio::test]
async fn a_write_that_a_replica_has_not_started_goes_to_the_next() {
    let refuses = replica(|mut respond, mut connection| async move {
        respond.send_reset(Reason::REFUSED_STREAM);
        while let Some(Ok((_request, mut respond))) = connection.accept().await {
            respond.send_reset(Reason::REFUSED_STREAM);
        }
    });
    let (healthy, mut seen) = service::start().await;
    let gateway = gateway_to_replicas(&[refuses.await, healthy]).await;
    for done in 1..=4 {
        assert_eq!(code(&create(&gateway).await), "0");
        assert_eq!(calls(&mut seen), 1, "at call {done}");
    }
}

#[tokio::test]
async fn a_call_lost_with_its_replica_is_retried_only_if_it_has_no_side_effects() {
    let lost = replica(|respond, connection| async move {
        drop(connection);
        drop(respond);
    })
    .await;
    let (healthy, mut seen) = service::start().await;
    let gateway = gateway_to_replicas(&[lost, healthy]).await;
    let (mut refused, mut done) = (0, 0);
    for _ in 0..4 {
        let answer = create(&gateway).await;
        if code(&answer) == "0" {
            done += 1;
        } else {
            answer.assert_refused(Code::Unavailable, "UPSTREAM_UNAVAILABLE");
            refused += 1;
        }
    }
    assert_eq!((refused, done, calls(&mut seen)), (2, 2, 2));
    for _ in 0..4 {
        client::call(gateway.address, GET, &GetTaskRequest::default()).await;
    }
    assert_eq!(calls(&mut seen), 4);
}

#[tokio::test]
async fn calls_to_a_name_go_to_the_addresses_it_resolves_to() {
    let (healthy, mut seen) = service::start().await;
    let gateway = gateway(healthy, healthy, |config| {
        let uri = format!("http://localhost:{}", healthy.port());
        config.upstreams.task = vec![uri.parse().unwrap()];
        config.upstreams.resolve_interval = std::time::Duration::from_millis(100);
    })
    .await;
    // The name may also have an IPv6 address, where nothing listens.
    for _ in 0..50 {
        assert_eq!(code(&create(&gateway).await), "0");
    }
    assert_eq!(calls(&mut seen), 50);
}
