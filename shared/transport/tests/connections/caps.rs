//! The caps on the number of connections.

use std::{net::SocketAddr, time::Duration};

use settings::Setting as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    fixture::{TEST_TIMEOUT, limits, serve_plaintext, until_counts},
    frames::{PREFACE, SETTINGS, frame},
};

/// A connection from `from` that has sent its first bytes.
async fn connect(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind(SocketAddr::new(from.parse().unwrap(), 0))
        .unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    let first_bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    // The server may have closed the connection by now.
    let _ = stream.write_all(&first_bytes).await;
    stream
}

/// Whether the server sends on this connection; false if it has closed it.
async fn is_served(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    let read = timeout(TEST_TIMEOUT, stream.read(&mut byte)).await;
    matches!(read.expect("the server sends or closes"), Ok(1))
}

#[tokio::test]
async fn connections_over_the_cap_wait_until_one_ends() {
    let served = serve_plaintext(limits(|limits| limits.max_connections = 1)).await;
    let mut held = connect("127.0.0.1", served.address).await;
    assert!(is_served(&mut held).await);
    let mut waiting = connect("127.0.0.1", served.address).await;
    let mut byte = [0];
    let read = timeout(Duration::from_millis(100), waiting.read(&mut byte));
    assert!(read.await.is_err(), "it was served over the cap");
    drop(held);
    assert!(is_served(&mut waiting).await);
}

#[tokio::test]
async fn an_address_over_its_cap_is_refused_at_once_and_others_are_served() {
    let served = serve_plaintext(limits(|limits| limits.max_connections_per_address = 2)).await;
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
async fn the_cap_of_an_address_does_not_apply_to_proxies() {
    let served = serve_plaintext(limits(|limits| {
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

/// The streams that the server allows on a connection: `SETTINGS_MAX_CONCURRENT_STREAMS` in its first frame (RFC 9113, section 6.5).
async fn streams_of(mut connection: TcpStream) -> u32 {
    let mut header = [0; 9];
    connection.read_exact(&mut header).await.unwrap();
    let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
    assert_eq!(header[3], SETTINGS);
    let mut settings = vec![0; usize::try_from(length).unwrap()];
    connection.read_exact(&mut settings).await.unwrap();
    let streams = settings.chunks(6).find_map(|setting| setting.strip_prefix(&[0, 3]));
    u32::from_be_bytes(streams.unwrap().try_into().unwrap())
}

#[tokio::test]
async fn an_address_has_all_streams_on_its_first_eight_connections_and_fewer_on_the_later_ones() {
    let served = serve_plaintext(limits(|limits| limits.max_streams = 80)).await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        let mut connection = connect("127.0.0.1", served.address).await;
        assert!(is_served(&mut connection).await);
        idle.push(connection);
    }
    let later = connect("127.0.0.1", served.address).await;
    assert_eq!(streams_of(later).await, 10);
    let other = connect("127.0.0.2", served.address).await;
    assert_eq!(streams_of(other).await, 80);
}
