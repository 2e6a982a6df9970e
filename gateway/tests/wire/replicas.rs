//! A service of several replicas, some of which are gone.

use std::net::SocketAddr;

use h2::Reason;
use hyper::body::Bytes;
use shared::proto::{
    health::health_check_response::ServingStatus,
    task::{CreateTaskRequest, GetTaskRequest, Task},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc::UnboundedReceiver,
};

use crate::{
    Running,
    client::{self, Answer},
    gateway, nobody,
    service::{self, CREATE, Event, GET},
};

async fn before(replicas: &[SocketAddr]) -> Running {
    let uris = replicas.iter().map(|one| format!("http://{one}").parse());
    let uris = uris.collect::<Result<_, _>>().unwrap();
    gateway(replicas[0], replicas[0], |config| {
        config.task_upstream = uris;
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

/// A replica that takes a call and then does `then` with it, for every connection.
async fn replica<T, F>(then: T) -> SocketAddr
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
                        return then(respond, connection).await;
                    }
                }
            });
        }
    });
    address
}

/// It does not tell its health, so it counts as one that serves.
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
async fn replicas_take_calls_in_turn() {
    let (first, mut seen_by_first) = service::start().await;
    let (second, mut seen_by_second) = service::start().await;
    let gateway = before(&[first, second]).await;
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
    let (leaving, mut seen_by_leaving) = service::start_as(ServingStatus::NotServing).await;
    let (there, mut seen) = service::start().await;
    let gateway = before(&[leaving, there]).await;
    let others_only = async {
        loop {
            calls(&mut seen_by_leaving);
            for _ in 0..4 {
                assert_eq!(code(&create(&gateway).await), "0");
            }
            if calls(&mut seen_by_leaving) == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(client::PATIENCE, others_only)
        .await
        .expect("it is left alone once it has said that it does not serve");
    assert!(calls(&mut seen) >= 4);
}

#[tokio::test]
async fn a_replica_that_is_gone_costs_no_call() {
    let (there, _seen) = service::start().await;
    let gateway = before(&[nobody().await, there, nobody().await]).await;
    for _ in 0..20 {
        assert_eq!(code(&create(&gateway).await), "0");
    }
}

#[tokio::test]
async fn without_any_replica_a_call_is_refused_and_says_so() {
    let gateway = before(&[nobody().await, nobody().await]).await;
    let (code, reason, _) = create(&gateway).await.error();
    assert_eq!(
        (code, reason.as_str()),
        (tonic::Code::Unavailable, "UPSTREAM_UNAVAILABLE")
    );
}

#[tokio::test]
async fn a_write_that_a_replica_has_not_begun_is_done_by_the_next() {
    let refuses = replica(|mut respond, mut connection| async move {
        respond.send_reset(Reason::REFUSED_STREAM);
        while let Some(Ok((_request, mut respond))) = connection.accept().await {
            respond.send_reset(Reason::REFUSED_STREAM);
        }
    });
    let (there, mut seen) = service::start().await;
    let gateway = before(&[refuses.await, there]).await;
    for done in 1..=4 {
        assert_eq!(code(&create(&gateway).await), "0");
        assert_eq!(calls(&mut seen), 1, "at call {done}");
    }
}

#[tokio::test]
async fn what_was_lost_with_its_replica_is_made_again_only_if_it_changes_nothing() {
    let lost = replica(|respond, connection| async move {
        drop(connection);
        drop(respond);
    })
    .await;
    let (there, mut seen) = service::start().await;
    let gateway = before(&[lost, there]).await;
    let (mut refused, mut done) = (0, 0);
    for _ in 0..4 {
        let answer = create(&gateway).await;
        if code(&answer) == "0" {
            done += 1;
        } else {
            let (code, reason, _) = answer.error();
            assert_eq!(
                (code, reason.as_str()),
                (tonic::Code::Unavailable, "UPSTREAM_UNAVAILABLE")
            );
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
async fn a_name_stands_for_the_addresses_it_resolves_to() {
    let (there, mut seen) = service::start().await;
    let gateway = gateway(there, there, |config| {
        let uri = format!("http://localhost:{}", there.port());
        config.task_upstream = vec![uri.parse().unwrap()];
        config.resolve_interval = std::time::Duration::from_millis(100);
    })
    .await;
    // Where the name has an address of IPv6 too, nobody listens there.
    for _ in 0..50 {
        assert_eq!(code(&create(&gateway).await), "0");
    }
    assert_eq!(calls(&mut seen), 50);
}
