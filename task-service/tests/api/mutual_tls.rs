//! Both services with certificates, each of which requires the certificate of the other.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clock::SystemClock;
use contract::proto::{
    auth::{SignOutRequest, SignUpRequest, TokenPair, auth_service_client::AuthServiceClient},
    task::{ListTasksRequest, task_service_client::TaskServiceClient},
};
use task_service::App;
use testing::{
    Database, assert_refused,
    certificates::{Authority, Folder},
};
use tls::{ClientTls, Files, Upstream};
use tokio_util::sync::DropGuard;
use tonic::{Code, Status, transport::Channel};

use crate::{
    outage::until_serving,
    pair::{PASSWORD, bearing, run_auth_with},
    world::{config, run},
};

/// How long a test waits for an expected event.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// Two authorities, and the certificates that the first one issued to the two services.
struct Certificates {
    folder: Folder,
    first_ca: PathBuf,
    second: Authority,
    second_ca: PathBuf,
    /// Certificate and key of the auth service.
    auth: (PathBuf, PathBuf),
    /// Certificate and key of the task service.
    task: (PathBuf, PathBuf),
}

impl Certificates {
    fn new() -> Self {
        let (first, second) = (Authority::new("first"), Authority::new("second"));
        let folder = Folder::new();
        Self {
            first_ca: folder.write("first.ca", &first.pem()),
            second_ca: folder.write("second.ca", &second.pem()),
            auth: folder.write_identity("auth", &first.issue(&["localhost"])),
            task: folder.write_identity("task", &first.issue(&["task"])),
            second,
            folder,
        }
    }

    /// Replaces the certificate of the auth service by one of the second authority.
    fn replace(&self) {
        let identity = self.second.issue(&["localhost"]);
        self.folder.write_identity("auth", &identity);
    }

    async fn run_auth(&self, url: &str) -> (SocketAddr, DropGuard) {
        let settings = [
            ("TLS__CERTIFICATE", text(&self.auth.0)),
            ("TLS__KEY", text(&self.auth.1)),
            ("TLS__CLIENT_CA", text(&self.first_ca)),
            ("TLS__RELOAD_EVERY", "100ms"),
        ];
        run_auth_with(url, SystemClock, &settings).await
    }

    async fn run_tasks(&self, url: &str, auth: SocketAddr) -> (Channel, DropGuard) {
        let upstream = format!("https://localhost:{}", auth.port());
        let settings = [
            ("AUTH_UPSTREAM", &*upstream),
            ("TLS__UPSTREAM_CA", text(&self.first_ca)),
            ("TLS__UPSTREAM_CERTIFICATE", text(&self.task.0)),
            ("TLS__UPSTREAM_KEY", text(&self.task.1)),
        ];
        let config = config(url, &settings);
        run(App::new(config, Arc::new(SystemClock)).unwrap()).await
    }

    /// A connection to the auth service, once its certificate is of the second authority.
    async fn connect(&self, auth: SocketAddr) -> Channel {
        let files = Files {
            identity: Some(self.task.clone()),
            authorities: Some(self.second_ca.clone()),
        };
        let tls = ClientTls::load("test.tls", files, Duration::from_secs(10)).unwrap();
        let uri = format!("https://localhost:{}", auth.port());
        let auth = Upstream::new(&uri.parse().unwrap(), Some(&tls)).unwrap();
        let connected = async {
            loop {
                if let Ok(channel) = auth.connect().await {
                    return channel;
                }
            }
        };
        let connected = tokio::time::timeout(WAIT_TIMEOUT, connected).await;
        connected.expect("the auth service loads its new certificate")
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn sign_up(auth: &mut AuthServiceClient<Channel>) -> TokenPair {
    let request = SignUpRequest {
        email: "ada@example.com".to_owned(),
        password: PASSWORD.to_owned(),
        ..SignUpRequest::default()
    };
    let answer = auth.sign_up(request).await.unwrap();
    answer.into_inner().tokens.unwrap()
}

async fn list(tasks: &Channel, token: &str) -> Result<(), Status> {
    let request = bearing(token, ListTasksRequest::default());
    let mut tasks = TaskServiceClient::new(tasks.clone());
    tasks.list_tasks(request).await.map(drop)
}

async fn until_refused(tasks: &Channel, token: &str) -> Status {
    let refused = async {
        loop {
            if let Err(refused) = list(tasks, token).await {
                return refused;
            }
        }
    };
    tokio::time::timeout(WAIT_TIMEOUT, refused).await.unwrap()
}

#[tokio::test]
async fn a_revocation_arrives_over_a_stream_that_is_older_than_the_certificate() {
    let certificates = Certificates::new();
    let database = Database::with(&[auth_service::SCHEMA, task_service::SCHEMA]).await;
    let (address, _auth) = certificates.run_auth(database.url()).await;
    let (tasks, _running) = certificates.run_tasks(database.url(), address).await;
    until_serving(&tasks).await;

    // The task service trusts only the first authority, so it could not connect again if it lost its stream.
    certificates.replace();
    let mut auth = AuthServiceClient::new(certificates.connect(address).await);
    let tokens = sign_up(&mut auth).await;
    list(&tasks, &tokens.access_token).await.unwrap();

    let refresh_token = tokens.refresh_token.clone();
    let request = SignOutRequest { refresh_token };
    auth.sign_out(request).await.unwrap();
    let refused = until_refused(&tasks, &tokens.access_token).await;
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
}
