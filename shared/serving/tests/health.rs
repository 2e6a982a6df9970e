//! Health as its clients see it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod wire;

use std::{
    io,
    pin::pin,
    sync::mpsc::{self, Sender},
    time::Duration,
};

use contract::proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest,
    health_check_response::ServingStatus, health_client::HealthClient,
};
use futures_util::poll;
use serving::health::{Health, Readiness};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming, service::Routes, transport::Channel};
use wire::{Served, serve};

const SERVICE: &str = "tandem.task.v1.TaskService";
const NAMES: [&str; 4] = ["", SERVICE, "liveness", "readiness"];

/// Longer than any of this takes; only a test that fails gets there.
const LIMIT: Duration = Duration::from_secs(10);

async fn start() -> (Health, HealthClient<Channel>, Served) {
    let health = Health::new([SERVICE]);
    let served = serve(Routes::new(health.service())).await;
    let client = HealthClient::new(served.channel.clone());
    (health, client, served)
}

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

async fn check(client: &mut HealthClient<Channel>, service: &str) -> Result<ServingStatus, Status> {
    let answer = client.check(of(service)).await?;
    Ok(answer.into_inner().status())
}

async fn watch_of(
    client: &mut HealthClient<Channel>,
    service: &str,
) -> Streaming<HealthCheckResponse> {
    client.watch(of(service)).await.unwrap().into_inner()
}

/// The next message of a Watch; `None` at its orderly end.
async fn told(watch: &mut Streaming<HealthCheckResponse>) -> Option<ServingStatus> {
    let message = timeout(LIMIT, watch.message()).await;
    message
        .expect("a message or the end")
        .unwrap()
        .map(|m| m.status())
}

#[tokio::test]
async fn a_new_server_is_alive_but_not_serving() {
    let (health, mut client, _served) = start().await;
    assert!(!health.is_ready());
    for name in NAMES {
        let expected = if name == "liveness" {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        assert_eq!(check(&mut client, name).await.unwrap(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_ready_server_serves_under_every_name() {
    let (health, mut client, _served) = start().await;
    health.set_ready(true);
    assert!(health.is_ready());
    for name in NAMES {
        let status = check(&mut client, name).await.unwrap();
        assert_eq!(status, ServingStatus::Serving, "{name}");
    }
}

#[tokio::test]
async fn an_unknown_name_is_not_found() {
    let (_health, mut client, _served) = start().await;
    let refusal = check(&mut client, "tandem.task.v1.Nothing")
        .await
        .unwrap_err();
    assert_eq!(refusal.code(), Code::NotFound);
    assert_eq!(refusal.message(), "no such service");
}

#[tokio::test]
async fn list_tells_every_name_and_its_status() {
    let (_health, mut client, _served) = start().await;
    let answer = client.list(HealthListRequest {}).await.unwrap();
    let mut statuses: Vec<_> = answer
        .into_inner()
        .statuses
        .into_iter()
        .map(|(name, response)| (name, response.status()))
        .collect();
    statuses.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("", ServingStatus::NotServing),
        ("liveness", ServingStatus::Serving),
        ("readiness", ServingStatus::NotServing),
        (SERVICE, ServingStatus::NotServing),
    ];
    assert_eq!(
        statuses,
        expected.map(|(name, status)| (name.to_owned(), status))
    );
}

#[tokio::test]
async fn a_watch_tells_the_status_at_once_then_each_change() {
    let (health, mut client, _served) = start().await;
    let mut watch = watch_of(&mut client, SERVICE).await;
    assert_eq!(told(&mut watch).await, Some(ServingStatus::NotServing));
    health.set_ready(true);
    assert_eq!(told(&mut watch).await, Some(ServingStatus::Serving));
    health.set_ready(false);
    assert_eq!(told(&mut watch).await, Some(ServingStatus::NotServing));
}

#[tokio::test]
async fn a_watch_never_tells_the_same_status_twice_in_a_row() {
    let (health, mut client, _served) = start().await;
    let mut watch = watch_of(&mut client, "").await;
    assert_eq!(told(&mut watch).await, Some(ServingStatus::NotServing));
    // Each addition wakes every watcher; hearing of it on a second watch shows that the first had its turn.
    for name in ["a.A", "b.B"] {
        let mut other = watch_of(&mut client, name).await;
        assert_eq!(told(&mut other).await, Some(ServingStatus::ServiceUnknown));
        health.add_service(name);
        assert_eq!(told(&mut other).await, Some(ServingStatus::NotServing));
    }
    health.set_ready(true);
    assert_eq!(told(&mut watch).await, Some(ServingStatus::Serving));
}

#[tokio::test]
async fn a_watch_of_an_unknown_name_stays_open_and_tells_when_it_becomes_known() {
    let (health, mut client, _served) = start().await;
    let mut watch = watch_of(&mut client, "tandem.late.v1.LateService").await;
    assert_eq!(told(&mut watch).await, Some(ServingStatus::ServiceUnknown));
    health.set_ready(true);
    health.add_service("tandem.late.v1.LateService");
    assert_eq!(told(&mut watch).await, Some(ServingStatus::Serving));
}

#[tokio::test]
async fn a_draining_server_says_so_and_never_serves_again() {
    let (health, mut client, _served) = start().await;
    health.set_ready(true);
    let mut watch = watch_of(&mut client, "readiness").await;
    assert_eq!(told(&mut watch).await, Some(ServingStatus::Serving));
    health.drain();
    assert_eq!(told(&mut watch).await, Some(ServingStatus::NotServing));
    health.set_ready(true);
    assert!(!health.is_ready());
    for name in ["", SERVICE, "readiness"] {
        let status = check(&mut client, name).await.unwrap();
        assert_eq!(status, ServingStatus::NotServing, "{name}");
    }
    let alive = check(&mut client, "liveness").await.unwrap();
    assert_eq!(alive, ServingStatus::Serving);
}

#[tokio::test]
async fn closing_tells_the_last_status_and_ends_every_watch() {
    let (health, mut client, _served) = start().await;
    health.set_ready(true);
    let mut of_service = watch_of(&mut client, SERVICE).await;
    let mut of_liveness = watch_of(&mut client, "liveness").await;
    assert_eq!(told(&mut of_service).await, Some(ServingStatus::Serving));
    assert_eq!(told(&mut of_liveness).await, Some(ServingStatus::Serving));
    health.close();
    assert_eq!(told(&mut of_service).await, Some(ServingStatus::NotServing));
    assert_eq!(told(&mut of_service).await, None);
    assert_eq!(told(&mut of_liveness).await, None);
    let mut late = watch_of(&mut client, "").await;
    assert_eq!(told(&mut late).await, Some(ServingStatus::NotServing));
    assert_eq!(told(&mut late).await, None);
}

#[tokio::test]
async fn an_open_watch_does_not_hold_up_a_graceful_stop() {
    let (health, mut client, served) = start().await;
    let mut watch = watch_of(&mut client, "").await;
    assert_eq!(told(&mut watch).await, Some(ServingStatus::NotServing));
    health.close();
    served.stop.cancel();
    let end = timeout(LIMIT, served.server).await;
    end.expect("the server stops").unwrap().unwrap();
}

#[tokio::test]
async fn a_server_is_ready_while_every_condition_holds() {
    let (health, mut client, _served) = start().await;
    let (database, database_holds) = watch::channel(false);
    let (keys, keys_hold) = watch::channel(false);
    let readiness = Readiness::new(vec![("database", database_holds), ("keys", keys_hold)]);
    tokio::spawn(readiness.clone().follow(health, CancellationToken::new()));
    let mut watch = watch_of(&mut client, "readiness").await;
    assert_eq!(told(&mut watch).await, Some(ServingStatus::NotServing));
    assert_eq!(readiness.failing(), ["database", "keys"]);

    database.send_replace(true);
    assert_eq!(readiness.failing(), ["keys"]);
    keys.send_replace(true);
    assert_eq!(told(&mut watch).await, Some(ServingStatus::Serving));
    assert!(readiness.failing().is_empty());

    database.send_replace(false);
    assert_eq!(told(&mut watch).await, Some(ServingStatus::NotServing));
    assert_eq!(readiness.failing(), ["database"]);
}

#[tokio::test]
async fn a_condition_whose_owner_is_gone_fails() {
    let (health, mut client, _served) = start().await;
    let (_keys, keys_hold) = watch::channel(true);
    let (feed, feed_fresh) = watch::channel(true);
    let readiness = Readiness::new(vec![("keys", keys_hold), ("feed", feed_fresh)]);
    tokio::spawn(readiness.clone().follow(health, CancellationToken::new()));
    let mut watch = watch_of(&mut client, "").await;
    while told(&mut watch).await != Some(ServingStatus::Serving) {}

    drop(feed);
    assert_eq!(told(&mut watch).await, Some(ServingStatus::NotServing));
    assert_eq!(readiness.failing(), ["feed"]);
}

/// Sends each log line to the test.
struct Lines(Sender<String>);

impl io::Write for Lines {
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
async fn each_change_of_what_fails_is_one_line_of_the_log() {
    let (lines, log) = mpsc::channel();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(move || Lines(lines.clone()))
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (database, database_holds) = watch::channel(false);
    let (keys, keys_hold) = watch::channel(false);
    let readiness = Readiness::new(vec![("database", database_holds), ("keys", keys_hold)]);
    let stop = CancellationToken::new();
    let mut following = pin!(readiness.follow(Health::new([]), stop.clone()));
    let mut ended = async || poll!(following.as_mut()).is_ready();

    assert!(!ended().await);
    database.send_replace(true);
    assert!(!ended().await);
    database.send_replace(true);
    assert!(!ended().await);
    keys.send_replace(true);
    assert!(!ended().await);
    stop.cancel();
    assert!(ended().await);
    assert_eq!(
        log.try_iter().collect::<Vec<_>>(),
        [
            " WARN not ready failing=database, keys\n",
            " WARN not ready failing=keys\n",
            " INFO ready\n",
        ]
    );
}
