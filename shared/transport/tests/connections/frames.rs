//! Sends bytes that no proper client sends, and reads the frames of the answer (RFC 9113).

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::fixture::TEST_TIMEOUT;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A request for `/` in HPACK: POST, http, `/`, authority `a`.
pub(crate) const REQUEST: &[u8] = &[0x83, 0x86, 0x84, 0x41, 1, b'a'];

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame with this payload.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Sends `bytes` and returns all that comes back until the server closes the connection.
pub(crate) async fn send(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let bytes = bytes.to_vec();
    let writing = tokio::spawn(async move {
        // The server may have closed the connection by now. Some tests check that.
        let _ = write.write_all(&bytes).await;
        write
    });
    let answer = read_to_end(&mut read).await;
    drop(writing.await.unwrap());
    answer
}

/// All bytes until the server closes the connection.
pub(crate) async fn read_to_end(from: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    read_to_end_within(from, TEST_TIMEOUT)
        .await
        .expect("the connection was not closed")
}

pub(crate) async fn read_to_end_within(
    from: &mut (impl AsyncRead + Unpin),
    within: Duration,
) -> Option<Vec<u8>> {
    let mut answer = Vec::new();
    // A reset ends the connection too.
    let ended = timeout(within, from.read_to_end(&mut answer)).await;
    ended.ok().map(|_ended| answer)
}

/// The frames in `bytes`: the kind and payload of each.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut frames = Vec::new();
    while let [a, b, c, kind, _flags, _, _, _, _, rest @ ..] = bytes {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let Some((payload, after)) = rest.split_at_checked(length) else {
            break;
        };
        frames.push((*kind, payload));
        bytes = after;
    }
    frames
}

/// The error code of the last GOAWAY: why the connection was ended.
pub(crate) fn goaway(answer: &[u8]) -> Option<u32> {
    let frames = frames(answer);
    let (_, payload) = frames.iter().rfind(|(kind, _)| *kind == GOAWAY)?;
    Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()))
}
