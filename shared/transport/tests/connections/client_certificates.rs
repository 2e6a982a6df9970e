//! Certificates of clients (mutual TLS).

use testing::certificates::{Authority, Folder};
use tonic::Code;

use crate::fixture::{
    Served, certified, check, client_tls, limits, serve_tls, until, until_counts,
};

/// A server that requires a client certificate of the authority in `ca.pem`.
async fn serve_requiring() -> (Authority, Folder, Served, tls::ServerTls) {
    let (authority, folder, _) = certified();
    folder.write("client_ca.pem", &authority.pem());
    let (served, tls) = serve_tls(limits(|_| {}), &folder).await;
    (authority, folder, served, tls)
}

#[tokio::test]
async fn only_a_client_with_a_certificate_of_the_authority_is_served() {
    let (authority, folder, served, _tls) = serve_requiring().await;
    let right = folder.write_identity("right", &authority.issue(&["task"]));
    let foreign = Authority::new("foreign").issue(&["task"]);
    let wrong = folder.write_identity("wrong", &foreign);
    let expired = folder.write_identity("expired", &authority.issue_expired("task"));

    check(&served.upstream(&folder, Some(right)).connect_lazy())
        .await
        .unwrap();
    for (refused, shown) in [None, Some(wrong), Some(expired)].into_iter().enumerate() {
        let channel = served.upstream(&folder, shown).connect_lazy();
        let status = check(&channel).await.unwrap_err();
        assert_ne!(status.code(), Code::Ok);
        until_counts(&served, |counts| counts.handshake_failed > refused as u64).await;
    }
}

#[tokio::test]
async fn a_client_refuses_a_server_with_a_certificate_of_another_authority_or_name() {
    let (_authority, folder, _) = certified();
    let (served, _tls) = serve_tls(limits(|_| {}), &folder).await;
    let (_, foreign, _) = certified();
    check(&served.upstream(&foreign, None).connect_lazy())
        .await
        .unwrap_err();

    let elsewhere = Authority::new("authority");
    folder.write("ca.pem", &elsewhere.pem());
    folder.write_identity("server", &elsewhere.issue(&["elsewhere"]));
    let (served, _tls) = serve_tls(limits(|_| {}), &folder).await;
    check(&served.upstream(&folder, None).connect_lazy())
        .await
        .unwrap_err();
}

#[tokio::test]
async fn authorities_and_client_certificates_are_replaced_while_in_use() {
    let (authority, folder, served, server_tls) = serve_requiring().await;
    let shown = folder.write_identity("client", &authority.issue(&["task"]));
    let client_tls = client_tls(&folder, Some(shown));
    let upstream = served.upstream_by(&client_tls);
    let keeping = client_tls.clone();
    let keeping = tokio::spawn(async move { keeping.keep_current().await });
    check(&upstream.connect_lazy()).await.unwrap();

    let (mut server_sees, mut client_sees) = (server_tls.validity(), client_tls.validity());
    server_sees.mark_unchanged();
    client_sees.mark_unchanged();
    let next = Authority::new("next");
    folder.write("client_ca.pem", &next.pem());
    server_sees.changed().await.unwrap();
    check(&upstream.connect_lazy())
        .await
        .expect_err("the old authority is no longer accepted");

    folder.write_identity("client", &next.issue(&["task"]));
    client_sees.changed().await.unwrap();
    until(client_tls.validity(), Option::is_some).await;
    check(&upstream.connect_lazy()).await.unwrap();
    keeping.abort();
}
