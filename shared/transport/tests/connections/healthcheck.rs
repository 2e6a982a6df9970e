//! The command `healthcheck` before a process that speaks TLS.

use std::net::SocketAddr;

use serving::{
    healthcheck::{Asked, Unhealthy},
    ops::{self, Ops},
};
use settings::Listing;
use telemetry::metrics::Metrics;
use tls::ServerTls;
use tokio::net::TcpListener;

use crate::world::{PATIENCE, certified, limits, serve, serve_tls};

async fn ask(
    listen: SocketAddr,
    tls: &ServerTls,
    ops: Option<SocketAddr>,
) -> Result<(), Unhealthy> {
    let ops = ops::Settings {
        listen: ops,
        ..ops::Settings::default()
    };
    let asked = Asked {
        listen,
        tls: Some(tls.clone()),
        ops,
    };
    asked.grpc(PATIENCE).await
}

#[tokio::test]
async fn a_process_is_known_by_the_very_certificate_of_its_configuration() {
    let (authority, folder, _) = certified();
    let (served, tls) = serve_tls(limits(|_| {}), &folder).await;
    ask(served.address, &tls, None).await.unwrap();
    served.health.set_ready(false);
    let unready = ask(served.address, &tls, None).await;
    assert!(matches!(unready, Err(Unhealthy::NotReady { .. })));

    // Of the same authority, for the same names.
    folder.write_identity("server", &authority.issue(&["localhost", "127.0.0.1"]));
    let (_other, other) = serve_tls(limits(|_| {}), &folder).await;
    let first = serve(limits(|_| {}), Some(tls)).await;
    let foreign = ask(first.address, &other, None).await;
    assert!(
        matches!(foreign, Err(Unhealthy::NoAnswer { .. })),
        "{foreign:?}"
    );
}

#[tokio::test]
async fn a_process_that_asks_for_certificates_is_asked_on_its_operations_port() {
    let (authority, folder, _) = certified();
    folder.write("client_ca.pem", &authority.pem());
    let (served, tls) = serve_tls(limits(|_| {}), &folder).await;
    let nowhere = ask(served.address, &tls, None).await;
    assert!(matches!(nowhere, Err(Unhealthy::NoWay)), "{nowhere:?}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ops = Ops::on(listener, Listing::default());
    let _running = ops.start(served.health.clone(), Metrics::off());
    ask(served.address, &tls, Some(address)).await.unwrap();
}
