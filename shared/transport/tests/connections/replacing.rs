//! Certificates that change while they are used.

use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tls::{Files, Protocols, ServerTls};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

use crate::world::{LOG, certified, limits, next, serve, serve_tls, until, watch};
use testing::certificates::{Authority, Folder, Issued};

/// Streams that are open meanwhile, each on a connection of its own.
const STREAMS: usize = 200;

/// Replaces the certificate and waits until the server has taken it over.
async fn replace(folder: &Folder, tls: &ServerTls, by: &Issued) {
    let mut validity = tls.validity();
    validity.mark_unchanged();
    folder.write_identity("server", by);
    tokio::time::timeout(crate::world::PATIENCE, validity.changed())
        .await
        .expect("it is taken over")
        .unwrap();
}

/// Waits for a line of the log that holds all of `words`.
async fn told(words: [&str; 2]) {
    let holds = |line: &String| words.iter().all(|word| line.contains(word));
    until(LOG.subscribe(), |lines| lines.iter().any(holds)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_handshakes_see_the_new_certificate_and_200_open_streams_go_on() {
    let (authority, folder, first) = certified();
    let (served, tls) = serve_tls(limits(|_| {}), &folder).await;
    let upstream = served.upstream(&folder, None);
    let mut opening = JoinSet::new();
    for _ in 0..STREAMS {
        let upstream = upstream.clone();
        opening.spawn(async move { watch(&upstream.connect().await.unwrap()).await });
    }
    let mut streams = opening.join_all().await;
    assert_eq!(served.seen(&authority).await, first.der);

    for _ in 0..3 {
        let second = authority.issue(&["localhost"]);
        replace(&folder, &tls, &second).await;
        assert_eq!(served.seen(&authority).await, second.der);
    }
    // Even another authority changes nothing for those who are there.
    let other = Authority::new("other");
    let last = other.issue(&["localhost"]);
    replace(&folder, &tls, &last).await;
    assert_eq!(served.seen(&other).await, last.der);

    served.health.set_ready(false);
    for stream in &mut streams {
        let told = next(stream).await.unwrap();
        assert_eq!(told.as_str_name(), "NOT_SERVING");
    }
    let counts = served.connections.counts();
    assert_eq!((counts.cut, counts.handshake_failed), (0, 0));
}

#[tokio::test]
async fn a_broken_file_keeps_the_old_certificate_and_is_told_once() {
    let (authority, folder, first) = certified();
    let (served, tls) = serve_tls(limits(|_| {}), &folder).await;
    let name = folder.path("").display().to_string();

    folder.write("server.key", &authority.issue(&["localhost"]).key);
    told([&name, "does not belong to the certificate"]).await;
    assert_eq!(served.seen(&authority).await, first.der);

    folder.write("server.pem", "-----BEGIN CERTIFICATE-----\nhalf of");
    told([&name, "holds no certificate in PEM"]).await;
    assert_eq!(served.seen(&authority).await, first.der);

    std::fs::remove_file(folder.path("server.pem")).unwrap();
    told([&name, "cannot be read"]).await;
    assert_eq!(served.seen(&authority).await, first.der);

    folder.write_identity("server", &authority.issue_expired("localhost"));
    told([&name, "not valid now"]).await;
    assert_eq!(served.seen(&authority).await, first.der);

    let second = authority.issue(&["localhost"]);
    replace(&folder, &tls, &second).await;
    assert_eq!(served.seen(&authority).await, second.der);

    let lines = LOG.borrow().clone();
    let of_this: Vec<_> = lines.iter().filter(|line| line.contains(&name)).collect();
    assert!(
        of_this.iter().all(|line| line.starts_with("ERROR")),
        "{of_this:?}"
    );
    // The old certificate's file beside a new key, while both were replaced, is told of too.
    let mismatches = of_this
        .iter()
        .filter(|line| line.contains("does not belong"));
    assert!((1..=3).contains(&mismatches.count()), "{of_this:?}");
    for once in [
        "holds no certificate in PEM",
        "cannot be read",
        "not valid now",
    ] {
        let times = of_this.iter().filter(|line| line.contains(once)).count();
        assert_eq!(times, 1, "{once}: {of_this:?}");
    }
}

#[tokio::test]
async fn when_the_certificate_ends_can_be_known() {
    let (authority, folder, _) = certified();
    folder.write_identity("server", &authority.issue_expired("localhost"));
    let (_served, tls) = serve_tls(limits(|_| {}), &folder).await;
    let validity = tls.validity().borrow().unwrap();
    assert_eq!(
        validity.to_string(),
        "from 2000-01-01T00:00:00Z until 2000-12-31T00:00:00Z"
    );
    told(["WARN", "the certificate is not valid now"]).await;
}

#[tokio::test]
async fn sighup_replaces_it_at_once() {
    // Without a handler of its own the signal would end this process, had no server one yet.
    let _handled = signal(SignalKind::hangup()).unwrap();
    let (authority, folder, _) = certified();
    let files = Files {
        identity: Some((folder.path("server.pem"), folder.path("server.key"))),
        authorities: None,
    };
    let seldom = Duration::from_hours(24);
    let tls = ServerTls::load("test.tls", files, Protocols::Http2, seldom).unwrap();
    let served = serve(limits(|_| {}), Some(tls.clone())).await;
    // A server that answers has begun to listen to signals too.
    served.seen(&authority).await;

    let mut validity = tls.validity();
    let second = authority.issue(&["localhost"]);
    folder.write_identity("server", &second);
    kill_process(getpid(), Signal::HUP).unwrap();
    let replaced = tokio::time::timeout(crate::world::PATIENCE, validity.changed());
    replaced.await.expect("it is taken over").unwrap();
    assert_eq!(served.seen(&authority).await, second.der);
}
