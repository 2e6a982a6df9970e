//! What one client may take of the places for calls.

use contract::proto::{
    auth::verifier_service_client::VerifierServiceClient,
    auth::{AcknowledgeKeysRequest, SignInRequest, SignOutRequest},
    health::{HealthCheckRequest, health_client::HealthClient},
};
use serving::serve::ServerLimits;
use testing::assert_refused;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use transport::network::Network;

use crate::{
    probe::{Served, limits, serve},
    services::SECRET,
};

const PLACES: usize = 8;
/// Half of them.
const SHARE: usize = 4;

async fn serve_in_shares() -> Served {
    serve(ServerLimits {
        max_in_flight: PLACES,
        principal_share: 50,
        trusted_proxies: Network::loopback().to_vec(),
        ..limits()
    })
    .await
}

/// A request that a trusted proxy forwards for a client with this address.
fn from<T>(address: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let client = address.parse().unwrap();
    request.metadata_mut().insert("x-forwarded-for", client);
    request
}

/// Begins calls that stay in flight.
async fn begin(served: &Served, address: &str, count: usize) {
    for _ in 0..count {
        let mut client = served.client.clone();
        let request = from(address, SignInRequest::default());
        tokio::spawn(async move { client.sign_in(request).await });
        served.sign_in_has_started().await;
    }
}

async fn sign_out(served: &Served, address: &str) -> Result<(), Status> {
    let mut client = served.client.clone();
    let request = from(address, SignOutRequest::default());
    client.sign_out(request).await.map(|_answer| ())
}

#[tokio::test]
async fn a_client_with_many_calls_in_flight_is_refused_and_others_are_not() {
    let served = serve_in_shares().await;
    begin(&served, "2001:db8::1", SHARE).await;

    for same in ["2001:db8::1", "2001:db8::ffff:2"] {
        let refused = sign_out(&served, same).await.unwrap_err();
        assert_refused(&refused, Code::ResourceExhausted, "RATE_LIMITED");
        assert!(refused.get_details_retry_info().is_some());
    }
    for other in ["192.0.2.1", "2001:db8:0:1::1"] {
        sign_out(&served, other).await.unwrap();
    }
    served.release();
    while sign_out(&served, "2001:db8::1").await.is_err() {}
}

#[tokio::test]
async fn all_clients_together_have_the_places_of_the_server() {
    let served = serve_in_shares().await;
    begin(&served, "192.0.2.1", SHARE).await;
    begin(&served, "192.0.2.2", SHARE).await;
    let refused = sign_out(&served, "192.0.2.3").await.unwrap_err();
    assert_refused(&refused, Code::Unavailable, "OVERLOADED");
    assert!(refused.get_details_retry_info().is_some());
}

#[tokio::test]
async fn services_and_health_have_places_of_their_own() {
    let served = serve_in_shares().await;
    begin(&served, "192.0.2.1", SHARE).await;
    begin(&served, "192.0.2.2", SHARE).await;

    let mut request = from("192.0.2.1", AcknowledgeKeysRequest::default());
    let bearer = format!("Bearer {SECRET}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    let mut verifiers = VerifierServiceClient::new(served.channel.clone());
    verifiers.acknowledge_keys(request).await.unwrap();
    let mut health = HealthClient::new(served.channel.clone());
    let check = from("192.0.2.1", HealthCheckRequest::default());
    health.check(check).await.unwrap();
    let watch = from("192.0.2.1", HealthCheckRequest::default());
    let mut watch = health.watch(watch).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();
}
