//! The RPCs of the health service.

use contract::proto::health::{HealthListRequest, health_check_response::ServingStatus};
use tokio::time::timeout;
use tonic::Code;

use crate::client::{NAMES, SERVICE, TEST_TIMEOUT, check, next_status, start, watch_of};

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
async fn list_returns_every_name_and_its_status() {
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
async fn a_watch_sends_the_status_at_once_then_each_change() {
    let (health, mut client, _served) = start().await;
    let mut watch = watch_of(&mut client, SERVICE).await;
    assert_eq!(
        next_status(&mut watch).await,
        Some(ServingStatus::NotServing)
    );
    health.set_ready(true);
    assert_eq!(next_status(&mut watch).await, Some(ServingStatus::Serving));
    health.set_ready(false);
    assert_eq!(
        next_status(&mut watch).await,
        Some(ServingStatus::NotServing)
    );
}

#[tokio::test]
async fn a_watch_never_sends_the_same_status_twice_in_a_row() {
    let (health, mut client, _served) = start().await;
    let mut watch = watch_of(&mut client, "").await;
    assert_eq!(
        next_status(&mut watch).await,
        Some(ServingStatus::NotServing)
    );
    // Each addition wakes every watch. Once the second watch has sent a message, the first has been woken too.
    for name in ["a.A", "b.B"] {
        let mut other = watch_of(&mut client, name).await;
        assert_eq!(
            next_status(&mut other).await,
            Some(ServingStatus::ServiceUnknown)
        );
        health.add_service(name);
        assert_eq!(
            next_status(&mut other).await,
            Some(ServingStatus::NotServing)
        );
    }
    health.set_ready(true);
    assert_eq!(next_status(&mut watch).await, Some(ServingStatus::Serving));
}

#[tokio::test]
async fn a_watch_of_an_unknown_name_stays_open_and_sends_the_status_once_it_is_known() {
    let (health, mut client, _served) = start().await;
    let mut watch = watch_of(&mut client, "tandem.late.v1.LateService").await;
    assert_eq!(
        next_status(&mut watch).await,
        Some(ServingStatus::ServiceUnknown)
    );
    health.set_ready(true);
    health.add_service("tandem.late.v1.LateService");
    assert_eq!(next_status(&mut watch).await, Some(ServingStatus::Serving));
}

#[tokio::test]
async fn a_draining_server_is_not_serving_and_stays_so() {
    let (health, mut client, _served) = start().await;
    health.set_ready(true);
    let mut watch = watch_of(&mut client, "readiness").await;
    assert_eq!(next_status(&mut watch).await, Some(ServingStatus::Serving));
    health.drain();
    assert_eq!(
        next_status(&mut watch).await,
        Some(ServingStatus::NotServing)
    );
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
async fn closing_sends_the_last_status_and_ends_every_watch() {
    let (health, mut client, _served) = start().await;
    health.set_ready(true);
    let mut of_service = watch_of(&mut client, SERVICE).await;
    let mut of_liveness = watch_of(&mut client, "liveness").await;
    assert_eq!(
        next_status(&mut of_service).await,
        Some(ServingStatus::Serving)
    );
    assert_eq!(
        next_status(&mut of_liveness).await,
        Some(ServingStatus::Serving)
    );
    health.close();
    assert_eq!(
        next_status(&mut of_service).await,
        Some(ServingStatus::NotServing)
    );
    assert_eq!(next_status(&mut of_service).await, None);
    assert_eq!(next_status(&mut of_liveness).await, None);
    let mut late = watch_of(&mut client, "").await;
    assert_eq!(
        next_status(&mut late).await,
        Some(ServingStatus::NotServing)
    );
    assert_eq!(next_status(&mut late).await, None);
}

#[tokio::test]
async fn an_open_watch_does_not_delay_a_graceful_stop() {
    let (health, mut client, served) = start().await;
    let mut watch = watch_of(&mut client, "").await;
    assert_eq!(
        next_status(&mut watch).await,
        Some(ServingStatus::NotServing)
    );
    health.close();
    served.stop.cancel();
    let end = timeout(TEST_TIMEOUT, served.server).await;
    end.expect("the server stops").unwrap().unwrap();
}
