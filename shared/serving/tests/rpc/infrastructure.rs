//! What health and reflection make a server keep.

use std::time::Duration;

use contract::proto::{
    health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
    reflection_v1::{ServerReflectionRequest, server_reflection_client::ServerReflectionClient},
    reflection_v1alpha::{
        ServerReflectionRequest as AlphaRequest,
        server_reflection_client::ServerReflectionClient as AlphaClient,
    },
};
use serving::serve::ServerLimits;
use testing::assert_refused;
use tokio::time::timeout;
use tonic::{Code, Request, Streaming};
use tonic_types::StatusExt as _;
use transport::network::Network;

use crate::probe::{Served, limits, serve};

/// Longer than any step takes. Only a test that fails waits this long.
const TEST_TIMEOUT: Duration = Duration::from_secs(9);

#[tokio::test]
async fn a_long_name_is_refused_by_health_and_not_kept_by_a_watch() {
    let served = serve(limits()).await;
    let mut health = HealthClient::new(served.channel.clone());
    for bytes in [2 << 10, 4 << 20] {
        let request = HealthCheckRequest {
            service: "n".repeat(bytes),
        };
        let refused = health.check(request.clone()).await.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "REQUEST_TOO_LARGE");
        let refused = health.watch(request).await.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "REQUEST_TOO_LARGE");
    }
    let longest = HealthCheckRequest {
        service: "n".repeat(1000),
    };
    let watch = health.watch(longest).await.unwrap();
    let first = watch.into_inner().message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);
}

#[tokio::test]
async fn reflection_refuses_a_long_request_and_keeps_none() {
    let served = serve(limits()).await;
    let host = "h".repeat(8 << 10);
    let request = tokio_stream::once(ServerReflectionRequest {
        host: host.clone(),
        message_request: None,
    });
    let mut reflection = ServerReflectionClient::new(served.channel.clone());
    let answers = reflection.server_reflection_info(request).await.unwrap();
    let refused = answers.into_inner().message().await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "REQUEST_TOO_LARGE");

    let request = tokio_stream::once(AlphaRequest {
        host,
        message_request: None,
    });
    let mut reflection = AlphaClient::new(served.channel.clone());
    let answers = reflection.server_reflection_info(request).await.unwrap();
    let refused = answers.into_inner().message().await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "REQUEST_TOO_LARGE");
}

#[tokio::test]
async fn a_reflection_stream_with_too_many_requests_is_refused() {
    let served = serve(limits()).await;
    let requests = (0..2000).map(|_| ServerReflectionRequest::default());
    let mut reflection = ServerReflectionClient::new(served.channel.clone());
    let answers = reflection
        .server_reflection_info(tokio_stream::iter(requests))
        .await
        .unwrap();
    let mut answers = answers.into_inner();
    let mut answered = 0;
    let refused = loop {
        match timeout(TEST_TIMEOUT, answers.message()).await.unwrap() {
            Ok(Some(_answer)) => answered += 1,
            Ok(None) => panic!("all were answered"),
            Err(refused) => break refused,
        }
    };
    assert_refused(&refused, Code::ResourceExhausted, "RATE_LIMITED");
    assert_eq!(answered, 1000);
}

/// A Watch of the health, for a client with this address behind a trusted proxy.
async fn watch(
    served: &Served,
    address: &str,
) -> Result<Streaming<contract::proto::health::HealthCheckResponse>, tonic::Status> {
    let mut request = Request::new(HealthCheckRequest::default());
    let address = address.parse().unwrap();
    request.metadata_mut().insert("x-forwarded-for", address);
    let mut health = HealthClient::new(served.channel.clone());
    health.watch(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn streams_of_health_and_reflection_are_bounded_for_each_address_and_in_all() {
    let served = serve(ServerLimits {
        max_in_flight: 4,
        principal_share: 50,
        trusted_proxies: Network::loopback().to_vec(),
        ..limits()
    })
    .await;
    let mut open = Vec::new();
    for address in ["192.0.2.1", "192.0.2.2"] {
        for _ in 0..2 {
            let mut stream = watch(&served, address).await.unwrap();
            stream.message().await.unwrap().unwrap();
            open.push(stream);
        }
        if address == "192.0.2.1" {
            let refused = watch(&served, address).await.unwrap_err();
            assert_refused(&refused, Code::ResourceExhausted, "RATE_LIMITED");
            assert!(refused.get_details_retry_info().is_some());
        }
    }
    let refused = watch(&served, "192.0.2.3").await.unwrap_err();
    assert_refused(&refused, Code::Unavailable, "OVERLOADED");
    let mut reflection = ServerReflectionClient::new(served.channel.clone());
    let none = tokio_stream::pending();
    let refused = reflection.server_reflection_info(none).await.unwrap_err();
    assert_refused(&refused, Code::Unavailable, "OVERLOADED");

    let mut health = HealthClient::new(served.channel.clone());
    health.check(HealthCheckRequest::default()).await.unwrap();
    open.clear();
    let again = async { while watch(&served, "192.0.2.1").await.is_err() {} };
    timeout(TEST_TIMEOUT, again).await.expect("a free place");
}
