//! Certificates that are replaced while they are in use.

use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use testing::certificates::{Authority, Folder, Issued};
use tls::{Files, Protocols, ServerTls};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

use crate::fixture::{LOG, certified, limits, next, serve, serve_tls, until, watch};

/// Open streams during a replacement, each on its own connection.
const STREAMS: usize = 200;

/// Replaces the certificate and waits until the server uses the new one.
async fn replace(folder: &Folder, tls: &ServerTls, by: &Issued) {
    let mut validity = tls.validity();
    validity.mark_unchanged();
    folder.write_identity("server", by);
    tokio::time::timeout(crate::fixture::TEST_TIMEOUT, validity.changed())
        .await
        .expect("the new certificate is used")
        .unwrap();
}

/// Waits for a log line that contains all of `words`.
async fn logged(words: [&str; 2]) {
    let matches = |line: &String| words.iter().all(|word| line.contains(word));
    until(LOG.subscribe(), |lines| lines.iter().any(matches)).await;
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
    assert_eq!(served.certificate(&authority).await, first.der);

    for _ in 0..3 {
        let second = authority.issue(&["localhost"]);
        replace(&folder, &tls, &second).await;
        assert_eq!(served.certificate(&authority).await, second.der);
    }
    // Open connections also go on when the authority changes.
    let other = Authority::new("other");
    let last = other.issue(&["localhost"]);
    replace(&folder, &tls, &last).await;
    assert_eq!(served.certificate(&other).await, last.der);

    served.health.set_ready(false);
    for stream in &mut streams {
        let status = next(stream).await.unwrap();
        assert_eq!(status.as_str_name(), "NOT_SERVING");
    }
    let counts = served.connections.counts();
    assert_eq!((counts.cut, counts.handshake_failed), (0, 0));
}

#[tokio::test]
async fn a_broken_file_keeps_the_old_certificate_and_is_logged_once() {
    let (authority, folder, first) = certified();
    let (served, tls) = serve_tls(limits(|_| {}), &folder).await;
    let name = folder.path("").display().to_string();

    folder.write("server.key", &authority.issue(&["localhost"]).key);
    logged([&name, "does not belong to the certificate"]).await;
    assert_eq!(served.certificate(&authority).await, first.der);

    folder.write("server.pem", "-----BEGIN CERTIFICATE-----\nhalf of");
    logged([&name, "holds no certificate in PEM"]).await;
    assert_eq!(served.certificate(&authority).await, first.der);

    std::fs::remove_file(folder.path("server.pem")).unwrap();
    logged([&name, "cannot be read"]).await;
    assert_eq!(served.certificate(&authority).await, first.der);

    folder.write_identity("server", &authority.issue_expired("localhost"));
    logged([&name, "not valid now"]).await;
    assert_eq!(served.certificate(&authority).await, first.der);

    let second = authority.issue(&["localhost"]);
    replace(&folder, &tls, &second).await;
    assert_eq!(served.certificate(&authority).await, second.der);
    assert_each_problem_was_logged_once(&name);
}

/// Checks the log lines about the files in the folder `name`.
fn assert_each_problem_was_logged_once(name: &str) {
    let lines = LOG.borrow().clone();
    let of_this: Vec<_> = lines.iter().filter(|line| line.contains(name)).collect();
    assert!(
        of_this.iter().all(|line| line.starts_with("ERROR")),
        "{of_this:?}"
    );
    // While both files were replaced, the old certificate beside the new key is logged too.
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
async fn the_validity_of_the_certificate_can_be_read() {
    let (authority, folder, _) = certified();
    folder.write_identity("server", &authority.issue_expired("localhost"));
    let (_served, tls) = serve_tls(limits(|_| {}), &folder).await;
    let validity = tls.validity().borrow().unwrap();
    assert_eq!(
        validity.to_string(),
        "from 2000-01-01T00:00:00Z until 2000-12-31T00:00:00Z"
    );
    logged(["WARN", "the certificate is not valid now"]).await;
}

#[tokio::test]
async fn sighup_replaces_the_certificate_at_once() {
    // Without a handler the signal would end this process, if no server has installed one yet.
    let _handled = signal(SignalKind::hangup()).unwrap();
    let (authority, folder, _) = certified();
    let files = Files {
        identity: Some((folder.path("server.pem"), folder.path("server.key"))),
        authorities: None,
    };
    let long_interval = Duration::from_hours(24);
    let tls = ServerTls::load("test.tls", files, Protocols::Http2, long_interval).unwrap();
    let served = serve(limits(|_| {}), Some(tls.clone())).await;
    // A server that answers has also installed its signal handler.
    served.certificate(&authority).await;

    let mut validity = tls.validity();
    let second = authority.issue(&["localhost"]);
    folder.write_identity("server", &second);
    kill_process(getpid(), Signal::HUP).unwrap();
    let replaced = tokio::time::timeout(crate::fixture::TEST_TIMEOUT, validity.changed());
    replaced
        .await
        .expect("the new certificate is used")
        .unwrap();
    assert_eq!(served.certificate(&authority).await, second.der);
}
