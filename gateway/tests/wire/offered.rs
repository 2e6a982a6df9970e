//! Which services browsers may call.

use contract::proto::auth::SignOutRequest;
use http::Method;
use tonic::Code;

use crate::{
    client, gateway,
    service::{self, SIGN_OUT},
};

const INTERNAL: [&str; 2] = [
    "/tandem.auth.v1.AdminService/ListAccounts",
    "/tandem.auth.v1.VerifierService/IntrospectToken",
];

/// The services that the gateway lists.
async fn listed(gateway: std::net::SocketAddr) -> Vec<String> {
    let answer = client::send(gateway, client::request(Method::GET, "/", &[], "")).await;
    let services = answer.json()["services"].as_array().unwrap().clone();
    let names = services.iter().map(|name| name.as_str().unwrap());
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn services_for_administrators_and_backends_are_not_offered() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway(upstream, upstream, |_| {}).await;
    for path in INTERNAL {
        let answer = client::call(gateway.address, path, &()).await;
        let details = answer.assert_refused(Code::Unimplemented, "METHOD_UNKNOWN");
        answer.assert_request_id_in(&details);
    }
    let answer = client::call(gateway.address, SIGN_OUT, &SignOutRequest::default()).await;
    assert_eq!(answer.frames().trailers["grpc-status"], "0");
    let public = [
        "tandem.auth.v1.AccountService",
        "tandem.auth.v1.AuthService",
        "tandem.task.v1.TaskService",
    ];
    assert_eq!(listed(gateway.address).await, public);
}

#[tokio::test]
async fn a_setting_offers_them() {
    let (upstream, _seen) = service::start().await;
    let gateway = gateway(upstream, upstream, |config| {
        config.offer_internal_services = true;
    })
    .await;
    for path in INTERNAL {
        let answer = client::call(gateway.address, path, &()).await;
        // The service behind this gateway does not have them, and its refusals of unknown methods have no details.
        let (code, reason, _) = answer.error();
        assert_eq!((code, reason.as_str()), (Code::Unimplemented, ""), "{path}");
    }
    let listed = listed(gateway.address).await;
    assert!(
        listed.contains(&"tandem.auth.v1.AdminService".to_owned()),
        "{listed:?}"
    );
}
