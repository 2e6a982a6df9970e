//! Readiness as the sum of named conditions.

use std::{
    io,
    pin::pin,
    sync::mpsc::{self, Sender},
};

use contract::proto::health::health_check_response::ServingStatus;
use futures_util::poll;
use serving::health::{Health, Readiness};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::client::{next_status, start, watch_of};

#[tokio::test]
async fn a_server_is_ready_while_every_condition_holds() {
    let (health, mut client, _served) = start().await;
    let (database, database_holds) = watch::channel(false);
    let (keys, keys_hold) = watch::channel(false);
    let readiness = Readiness::new(vec![("database", database_holds), ("keys", keys_hold)]);
    tokio::spawn(readiness.clone().follow(health, CancellationToken::new()));
    let mut watch = watch_of(&mut client, "readiness").await;
    assert_eq!(
        next_status(&mut watch).await,
        Some(ServingStatus::NotServing)
    );
    assert_eq!(readiness.failing(), ["database", "keys"]);

    database.send_replace(true);
    assert_eq!(readiness.failing(), ["keys"]);
    keys.send_replace(true);
    assert_eq!(next_status(&mut watch).await, Some(ServingStatus::Serving));
    assert!(readiness.failing().is_empty());

    database.send_replace(false);
    assert_eq!(
        next_status(&mut watch).await,
        Some(ServingStatus::NotServing)
    );
    assert_eq!(readiness.failing(), ["database"]);
}

#[tokio::test]
async fn a_condition_whose_owner_has_ended_fails() {
    let (health, mut client, _served) = start().await;
    let (_keys, keys_hold) = watch::channel(true);
    let (feed, feed_fresh) = watch::channel(true);
    let readiness = Readiness::new(vec![("keys", keys_hold), ("feed", feed_fresh)]);
    tokio::spawn(readiness.clone().follow(health, CancellationToken::new()));
    let mut watch = watch_of(&mut client, "").await;
    while next_status(&mut watch).await != Some(ServingStatus::Serving) {}

    drop(feed);
    assert_eq!(
        next_status(&mut watch).await,
        Some(ServingStatus::NotServing)
    );
    assert_eq!(readiness.failing(), ["feed"]);
}

/// Sends each log line to the test.
struct LogLines(Sender<String>);

impl io::Write for LogLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line).into_owned();
        self.0.send(text).map_err(io::Error::other)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_change_of_the_failing_conditions_is_one_log_line() {
    let (lines, log) = mpsc::channel();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(move || LogLines(lines.clone()))
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (database, database_holds) = watch::channel(false);
    let (keys, keys_hold) = watch::channel(false);
    let readiness = Readiness::new(vec![("database", database_holds), ("keys", keys_hold)]);
    let stop = CancellationToken::new();
    let mut following = pin!(readiness.follow(Health::new([]), stop.clone()));
    let mut has_ended = async || poll!(following.as_mut()).is_ready();

    assert!(!has_ended().await);
    database.send_replace(true);
    assert!(!has_ended().await);
    database.send_replace(true);
    assert!(!has_ended().await);
    keys.send_replace(true);
    assert!(!has_ended().await);
    stop.cancel();
    assert!(has_ended().await);
    assert_eq!(
        log.try_iter().collect::<Vec<_>>(),
        [
            " WARN not ready failing=database, keys\n",
            " WARN not ready failing=keys\n",
            " INFO ready\n",
        ]
    );
}
