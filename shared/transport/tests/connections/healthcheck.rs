//! The command `healthcheck` against a process that uses TLS.

use std::net::SocketAddr;

use serving::{
    healthcheck::{HealthcheckTarget, Unhealthy},
    ops::{self, Ops},
};
use settings::Listing;
use telemetry::metrics::Metrics;
use testing::certificates::Folder;
use tls::ServerTls;
use tokio::net::TcpListener;

use crate::fixture::{TEST_TIMEOUT, certified, limits, serve, serve_tls};

async fn check(
    listen: SocketAddr,
    tls: &ServerTls,
    ops: Option<SocketAddr>,
) -> Result<(), Unhealthy> {
    let ops = ops::OpsSettings {
        listen: ops,
        ..ops::OpsSettings::default()
    };
    let target = HealthcheckTarget {
        listen,
        tls: Some(tls.clone()),
        ops,
    };
    target.grpc(TEST_TIMEOUT).await
}

#[tokio::test]
async fn a_process_must_show_exactly_the_certificate_of_the_configuration() {
    let (authority, folder, _) = certified();
    let (served, tls) = serve_tls(limits(|_| {}), &folder).await;
    check(served.address, &tls, None).await.unwrap();
    served.health.set_ready(false);
    let not_ready = check(served.address, &tls, None).await;
    assert!(matches!(not_ready, Err(Unhealthy::NotReady { .. })));

    // Another certificate of the same authority for the same names. In a folder of its own, because the first server follows
    // the files in its folder.
    let other_folder = Folder::new();
    other_folder.write_identity("server", &authority.issue(&["localhost", "127.0.0.1"]));
    let (_other, other) = serve_tls(limits(|_| {}), &other_folder).await;
    let first = serve(limits(|_| {}), Some(tls)).await;
    let foreign = check(first.address, &other, None).await;
    assert!(
        matches!(foreign, Err(Unhealthy::NoAnswer { .. })),
        "{foreign:?}"
    );
}

#[tokio::test]
async fn a_process_that_requires_certificates_is_checked_on_its_operations_port() {
    let (authority, folder, _) = certified();
    folder.write("client_ca.pem", &authority.pem());
    let (served, tls) = serve_tls(limits(|_| {}), &folder).await;
    let refused = check(served.address, &tls, None).await;
    assert!(matches!(refused, Err(Unhealthy::NoOpsPort)), "{refused:?}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ops = Ops::with_listener(listener, Listing::default());
    let _running = ops.start(served.health.clone(), Metrics::off());
    check(served.address, &tls, Some(address)).await.unwrap();
}
