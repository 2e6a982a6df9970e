//! Clients that send nothing, send too slowly, or send something other than HTTP/2.

use std::time::Duration;

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    fixture::{certified, check, limits, serve_plaintext, serve_tls, until_counts},
    frames::{HEADERS, PREFACE, REQUEST, SETTINGS, frame, frames, goaway, read_to_end, send},
};

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_client_that_does_not_finish_its_first_bytes_is_disconnected() {
    let served = serve_plaintext(limits(|limits| limits.header_timeout = SHORT)).await;
    for beginning in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
        let answer = send(served.address, beginning.as_bytes()).await;
        assert_eq!(answer, b"", "{beginning:?}");
    }
    until_counts(&served, |counts| counts.no_request == 3 && counts.open == 0).await;
}

#[tokio::test]
async fn a_client_of_another_protocol_is_disconnected_at_once() {
    // The time limit of the first bytes is much longer.
    let served = serve_plaintext(limits(|_| {})).await;
    for other in [
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "\x16\x03\x01\x02\0\x01",
        "SSH-2.0-x\r\n",
    ] {
        assert_eq!(
            send(served.address, other.as_bytes()).await,
            b"",
            "{other:?}"
        );
    }
}

#[tokio::test]
async fn the_keepalive_ends_a_connection_whose_headers_never_end() {
    let served = serve_plaintext(limits(|limits| {
        limits.keepalive_interval = SHORT;
        limits.keepalive_timeout = SHORT;
    }))
    .await;
    let endless = [
        PREFACE,
        &frame(SETTINGS, 0, 0, &[]),
        // Without END_HEADERS: a CONTINUATION must follow.
        &frame(HEADERS, 0, 1, REQUEST),
    ];
    send(served.address, &endless.concat()).await;
    until_counts(&served, |counts| counts.open == 0).await;
}

#[tokio::test]
async fn a_connection_that_answers_no_ping_is_closed() {
    let served = serve_plaintext(limits(|limits| {
        limits.keepalive_interval = SHORT;
        limits.keepalive_timeout = SHORT;
    }))
    .await;
    let silent = [PREFACE, &frame(SETTINGS, 0, 0, &[])];
    let answer = send(served.address, &silent.concat()).await;
    assert!(
        frames(&answer).iter().any(|(kind, _)| *kind == 6),
        "the server sent no PING"
    );
}

#[tokio::test]
async fn headers_beyond_their_limit_end_the_connection() {
    let served = serve_plaintext(limits(|_| {})).await;
    // A literal header of 16,000 bytes, five times: more than four times the limit.
    let mut block = REQUEST.to_vec();
    for _ in 0..5 {
        block.extend([0, 1, b'x', 0x7f, 0x81, 0x7c]);
        block.extend([b'a'; 16_000]);
    }
    let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    let (first, rest) = block.split_at(16_000);
    bytes.extend(frame(HEADERS, 0, 1, first));
    for more in rest.chunks(16_000) {
        bytes.extend(frame(9, 0, 1, more));
    }
    let answer = send(served.address, &bytes).await;
    assert!(goaway(&answer).is_some(), "{:?}", frames(&answer));
}

#[tokio::test]
async fn a_handshake_that_stalls_is_ended_at_its_time_limit() {
    let (_authority, folder, _) = certified();
    let (served, _tls) =
        serve_tls(limits(|limits| limits.handshake_timeout = SHORT), &folder).await;
    // Nothing, and the beginning of a ClientHello.
    for beginning in [&b""[..], b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(beginning).await.unwrap();
        assert_eq!(read_to_end(&mut stream).await, b"");
    }
    until_counts(&served, |counts| counts.handshake_failed == 2).await;
}

#[tokio::test]
async fn a_connection_that_is_silent_after_its_handshake_is_closed() {
    let (authority, folder, _) = certified();
    let (served, _tls) = serve_tls(limits(|limits| limits.header_timeout = SHORT), &folder).await;
    let mut stream = served.shake_hands(&authority, &[b"h2"]).await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, b"");
}

#[tokio::test]
async fn plaintext_to_a_tls_port_is_refused() {
    let (_authority, folder, _) = certified();
    // The time limit of the handshake is much longer: plaintext is refused as soon as it is received.
    let (served, _tls) = serve_tls(limits(|_| {}), &folder).await;
    let answer = send(
        served.address,
        &[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat(),
    )
    .await;
    // An alert (RFC 8446, section 6), and nothing of HTTP/2.
    assert_eq!(answer.first(), Some(&0x15), "{answer:?}");
    check(&served.channel()).await.unwrap_err();
    until_counts(&served, |counts| counts.handshake_failed >= 2).await;
}

#[tokio::test]
async fn a_client_with_only_http_1_is_refused_in_the_handshake() {
    let (authority, folder, _) = certified();
    let (served, _tls) = serve_tls(limits(|_| {}), &folder).await;
    let refused = served.shake_hands(&authority, &[b"http/1.1"]).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("NoApplicationProtocol"), "{refused}");
}
