//! Streams that a client opens only to have them reset.

use tokio::task::JoinSet;

use crate::{
    fixture::{check, limits, serve_plaintext, until_counts},
    frames::{DATA, END_HEADERS, HEADERS, PREFACE, REQUEST, RESET, SETTINGS, frame, goaway, send},
};

/// RFC 9113, section 7.
const ENHANCE_YOUR_CALM: u32 = 11;
/// Streams of one connection.
const STREAMS: u32 = 10_000;

/// The bytes of a connection that opens many streams and sends `then` after each.
fn attack(then: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    for stream in (1..).step_by(2).take(STREAMS as usize) {
        bytes.extend(frame(HEADERS, END_HEADERS, stream, REQUEST));
        bytes.extend(then(stream));
    }
    bytes
}

/// The resident memory of this process, in bytes.
fn memory() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Sends the attack over ten connections one after another while another client calls. The server must end each of them with
/// `ENHANCE_YOUR_CALM`.
async fn withstand(attack: Vec<u8>) {
    let served = serve_plaintext(limits(|_| {})).await;
    let channel = served.channel();
    check(&channel).await.unwrap();
    let before = memory();
    let mut attacks = JoinSet::new();
    let address = served.address;
    attacks.spawn(async move {
        for _ in 0..10 {
            let answer = send(address, &attack).await;
            assert_eq!(goaway(&answer), Some(ENHANCE_YOUR_CALM));
        }
    });
    let ended = loop {
        check(&channel).await.unwrap();
        if let Some(ended) = attacks.try_join_next() {
            break ended;
        }
    };
    ended.unwrap();
    let grown = memory().saturating_sub(before);
    assert!(grown < 32 << 20, "the memory grew by {grown} bytes");
    // Only the connection of the other client is still open.
    until_counts(&served, |counts| counts.open == 1).await;
    assert_eq!(served.connections.counts().accepted, 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_opened_and_reset_end_their_connection_and_do_not_affect_other_clients() {
    // CVE-2023-44487.
    let cancelled = 8_u32.to_be_bytes();
    withstand(attack(|stream| frame(RESET, 0, stream, &cancelled))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_make_the_server_reset_them_end_their_connection_and_do_not_affect_other_clients()
 {
    // CVE-2025-8671: a flow-control window that overflows is an error of the stream, so the server must reset the stream.
    let overflow = (u32::MAX >> 1).to_be_bytes();
    withstand(attack(|stream| {
        let mut bytes = frame(DATA, 0, stream, &[0; 5]);
        bytes.extend(frame(8, 0, stream, &overflow));
        bytes
    }))
    .await;
}
