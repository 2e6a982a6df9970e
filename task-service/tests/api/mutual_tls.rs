//! Both services with certificates, each asked for its own.

use std::{path::PathBuf, sync::Arc, time::Duration};

use shared::{
    clock::SystemClock,
    proto::{
        auth::{SignOutRequest, SignUpRequest, auth_service_client::AuthServiceClient},
        task::{ListTasksRequest, task_service_client::TaskServiceClient},
    },
    tls::{ClientTls, Files, Upstream},
};
use task_service::App;
use testing::{
    Database, assert_refused,
    certificates::{Authority, Folder},
};
use tonic::{Code, transport::Channel};

use crate::{
    outage::until_serving,
    pair::{PASSWORD, bearing, run_auth_with},
    world::{config, run},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to the auth service at this port, once it shows a certificate of this authority.
async fn connected(port: u16, authority: PathBuf, shown: (PathBuf, PathBuf)) -> Channel {
    let files = Files {
        identity: Some(shown),
        authorities: Some(authority),
    };
    let tls = ClientTls::load("test.tls", files, Duration::from_secs(10)).unwrap();
    let uri = format!("https://localhost:{port}").parse().unwrap();
    let auth = Upstream::new(&uri, Some(&tls)).unwrap();
    let connecting = async {
        loop {
            if let Ok(channel) = auth.connect().await {
                return channel;
            }
        }
    };
    let connected = tokio::time::timeout(PATIENCE, connecting).await;
    connected.expect("it shows such a certificate in the end")
}

#[tokio::test]
async fn a_revocation_reaches_the_task_service_over_a_stream_older_than_the_certificate() {
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    let folder = Folder::new();
    let (before_ca, after_ca) = (
        folder.write("before.ca", &before.pem()),
        folder.write("after.ca", &after.pem()),
    );
    let (certificate, key) = folder.write_identity("auth", &before.issue(&["localhost"]));
    let shown = folder.write_identity("task", &before.issue(&["task"]));
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let database = Database::with(&[auth_service::SCHEMA, task_service::SCHEMA]).await;
    let settings = [
        ("TLS__CERTIFICATE", text(&certificate)),
        ("TLS__KEY", text(&key)),
        ("TLS__CLIENT_CA", text(&before_ca)),
        ("TLS__RELOAD_EVERY", "100ms".to_owned()),
    ];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let (address, _auth) = run_auth_with(database.url(), SystemClock, &settings).await;
    let upstream = format!("https://localhost:{}", address.port());
    let settings = [
        ("AUTH_UPSTREAM", upstream),
        ("TLS__UPSTREAM_CA", text(&before_ca)),
        ("TLS__UPSTREAM_CERTIFICATE", text(&shown.0)),
        ("TLS__UPSTREAM_KEY", text(&shown.1)),
    ];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let config = config(database.url(), &settings);
    let (tasks, _running) = run(App::new(config, Arc::new(SystemClock)).unwrap()).await;
    until_serving(&tasks).await;

    // The task service knows only the authority before, so it could not come back if it lost its stream.
    folder.write_identity("auth", &after.issue(&["localhost"]));
    let auth = connected(address.port(), after_ca, shown).await;
    let request = SignUpRequest {
        email: "ada@example.com".to_owned(),
        password: PASSWORD.to_owned(),
        ..SignUpRequest::default()
    };
    let mut auth = AuthServiceClient::new(auth);
    let tokens = auth.sign_up(request).await.unwrap().into_inner().tokens;
    let tokens = tokens.unwrap();
    let mut tasks = TaskServiceClient::new(tasks);
    let mut list = async || {
        let request = bearing(&tokens.access_token, ListTasksRequest::default());
        tasks.list_tasks(request).await
    };
    list().await.unwrap();

    let request = SignOutRequest {
        refresh_token: tokens.refresh_token.clone(),
    };
    auth.sign_out(request).await.unwrap();
    let refused = async {
        loop {
            if let Err(refused) = list().await {
                return refused;
            }
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.unwrap();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
}
