//! Streams that are opened to be reset.

use tokio::task::JoinSet;

use crate::{
    raw::{DATA, END_HEADERS, HEADERS, PREFACE, REQUEST, RESET, SETTINGS, frame, goaway, say},
    world::{check, limits, serve_plainly, until_counts},
};

/// RFC 9113, section 7.
const ENHANCE_YOUR_CALM: u32 = 11;
/// Of one connection.
const STREAMS: u32 = 10_000;

/// A connection on which every stream is opened and then treated like this.
fn attack(then: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    for stream in (1..).step_by(2).take(STREAMS as usize) {
        bytes.extend(frame(HEADERS, END_HEADERS, stream, REQUEST));
        bytes.extend(then(stream));
    }
    bytes
}

/// Memory of this process that is in use, in bytes.
fn memory() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Sends the attack over ten connections one after another while others call; every one must be ended in anger.
async fn withstand(attack: Vec<u8>) {
    let served = serve_plainly(limits(|_| {})).await;
    let channel = served.channel();
    check(&channel).await.unwrap();
    let before = memory();
    let mut attacks = JoinSet::new();
    let address = served.address;
    attacks.spawn(async move {
        for _ in 0..10 {
            let answer = say(address, &attack).await;
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
    assert!(grown < 32 << 20, "{grown} bytes more");
    // All but that of the others.
    until_counts(&served, |counts| counts.open == 1).await;
    assert_eq!(served.connections.counts().accepted, 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_opened_and_reset_end_their_connection_and_hurt_nobody_else() {
    // CVE-2023-44487.
    let cancelled = 8_u32.to_be_bytes();
    withstand(attack(|stream| frame(RESET, 0, stream, &cancelled))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_make_the_server_reset_them_end_their_connection_and_hurt_nobody_else() {
    // CVE-2025-8671: a window that overflows is an error of the stream, which the server must reset.
    let overflow = (u32::MAX >> 1).to_be_bytes();
    withstand(attack(|stream| {
        let mut bytes = frame(DATA, 0, stream, &[0; 5]);
        bytes.extend(frame(8, 0, stream, &overflow));
        bytes
    }))
    .await;
}
