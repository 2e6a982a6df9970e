//! How many connections there may be.

use std::{net::SocketAddr, time::Duration};

use settings::Setting as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    raw::{PREFACE, SETTINGS, frame},
    world::{PATIENCE, limits, serve_plainly, until_counts},
};

/// A connection from `from`, with its first bytes said.
async fn connect(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind(SocketAddr::new(from.parse().unwrap(), 0))
        .unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    // One that is closed at once may be so by now.
    let _ = stream.write_all(&hello).await;
    stream
}

/// Whether the server talks on this connection; false if it has closed it.
async fn is_served(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    let read = timeout(PATIENCE, stream.read(&mut byte)).await;
    matches!(read.expect("it talks or closes"), Ok(1))
}

#[tokio::test]
async fn connections_over_the_cap_wait_until_one_ends() {
    let served = serve_plainly(limits(|limits| limits.max_connections = 1)).await;
    let mut held = connect("127.0.0.1", served.address).await;
    assert!(is_served(&mut held).await);
    let mut waiting = connect("127.0.0.1", served.address).await;
    let mut byte = [0];
    let read = timeout(Duration::from_millis(100), waiting.read(&mut byte));
    assert!(read.await.is_err(), "served over the cap");
    drop(held);
    assert!(is_served(&mut waiting).await);
}

#[tokio::test]
async fn an_address_over_its_cap_is_refused_at_once_and_others_are_served() {
    let served = serve_plainly(limits(|limits| limits.max_connections_per_address = 2)).await;
    let mut first = connect("127.0.0.1", served.address).await;
    let mut second = connect("127.0.0.1", served.address).await;
    assert!(is_served(&mut first).await && is_served(&mut second).await);
    assert!(!is_served(&mut connect("127.0.0.1", served.address).await).await);
    assert!(is_served(&mut connect("127.0.0.2", served.address).await).await);
    assert_eq!(served.connections.counts().refused, 1);

    drop(first);
    until_counts(&served, |counts| counts.open < 3).await;
    assert!(is_served(&mut connect("127.0.0.1", served.address).await).await);
}

#[tokio::test]
async fn proxies_are_not_held_to_the_cap_of_an_address() {
    let served = serve_plainly(limits(|limits| {
        limits.max_connections_per_address = 1;
        limits.exempt = Vec::parse("127.0.0.2").unwrap();
    }))
    .await;
    let mut connections = Vec::new();
    for _ in 0..5 {
        let mut connection = connect("127.0.0.2", served.address).await;
        assert!(is_served(&mut connection).await);
        connections.push(connection);
    }
}
