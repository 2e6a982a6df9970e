//! A real Caddy with the configuration that is shipped, in front of the gateway and the services, with certificates of its own authority.

use std::{fs, time::Duration};

use testing::{Folder, Process};

use crate::{
    https::Https,
    proxy::{
        addresses, assert_each_browser_is_an_address_of_its_own,
        assert_the_refresh_token_stays_in_the_cookie, shipped, use_every_method,
    },
    services::key,
    stack::Stack,
    tools::{free_port, installed, run, workspace},
};

const NAME: &str = "localhost";
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A running Caddy.
pub(crate) struct Caddy {
    _process: Process,
    pub(crate) https: Https,
}

impl Caddy {
    /// Starts with the shipped file, of which only addresses and the name are replaced.
    pub(crate) async fn start(stack: &Stack) -> Self {
        let folder = Folder::new();
        let port = free_port();
        let name = (
            "\ntandem.example.com {\n",
            format!("\n{NAME}:{port} {{\n\ttls internal\n"),
        );
        let replacements: Vec<_> = addresses(stack).into_iter().chain([name]).collect();
        let site = shipped("deploy/caddy/Caddyfile", &replacements);
        folder.write("Site", &site);
        let main = folder.write("Caddyfile", &main_file(&folder));
        let arguments = ["run", "--adapter", "caddyfile", "--config"];
        let arguments = [&arguments[..], &[main.to_str().unwrap()]].concat();
        let home = [("HOME", folder.text())];
        let process = Process::spawn(installed("TEST_CADDY"), arguments, home);
        let ready = |line: &str| line.contains("certificate obtained successfully");
        process.wait_for_line(START_TIMEOUT, ready).await;
        let authority = folder.path("pki/authorities/local/root.crt");
        fs::copy(authority, folder.path("ca.pem")).unwrap();
        Self {
            _process: process,
            https: Https::new(folder, NAME, port),
        }
    }
}

/// The file that imports the site. Everything that Caddy would write elsewhere is in the folder.
fn main_file(folder: &Folder) -> String {
    format!(
        "{{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n\
         \tstorage file_system {0}\n\tservers {{\n\t\tprotocols h1 h2\n\t}}\n}}\nimport {0}/Site\n",
        folder.text()
    )
}

#[tokio::test]
async fn behind_the_shipped_caddy_every_method_works_over_every_protocol() {
    let stack = Stack::start().await;
    let caddy = Caddy::start(&stack).await;
    use_every_method(&stack, &caddy.https, &["grpc", "grpcweb", "connect"]);
}

#[tokio::test]
async fn behind_the_shipped_caddy_each_browser_is_an_address_of_its_own() {
    let stack = Stack::start().await;
    let caddy = Caddy::start(&stack).await;
    assert_each_browser_is_an_address_of_its_own(&stack, &caddy.https).await;
}

#[tokio::test]
async fn behind_the_shipped_caddy_a_browser_keeps_its_refresh_token_in_the_cookie_of_https() {
    let stack = Stack::start().await;
    let caddy = Caddy::start(&stack).await;
    assert_the_refresh_token_stays_in_the_cookie(&caddy.https);
}

#[tokio::test]
async fn the_shipped_caddy_forwards_each_message_of_a_stream_at_once_and_no_administration() {
    let secret = key(4);
    let stack = Stack::start_with(&[
        ("TANDEM_AUTH__SERVICE_SECRETS", secret.as_str()),
        ("TANDEM_TASK__SERVICE_SECRET", secret.as_str()),
        ("TANDEM_GATEWAY__OFFER_INTERNAL_SERVICES", "true"),
    ])
    .await;
    let caddy = Caddy::start(&stack).await;
    // The stream never ends by itself. What is printed was forwarded before.
    let command = format!(
        "timeout 5 \"$BUF\" curl --protocol grpcweb --cacert {0}/ca.pem --schema {1} --header \"authorization: Bearer $SECRET\" \
         --data '{{\"verifier_id\": \"caddy\"}}' https://{NAME}:{2}/tandem.auth.v1.VerifierService/WatchRevocations",
        caddy.https.folder.text(),
        workspace().join("proto").display(),
        caddy.https.port,
    );
    let buf = installed("TEST_BUF").display().to_string();
    let home = caddy.https.folder.text();
    let variables = [
        ("BUF", buf.as_str()),
        ("SECRET", secret.as_str()),
        ("HOME", home.as_str()),
    ];
    let watched = run("/bin/bash".as_ref(), &["-c", &command], &variables);
    let heartbeats = watched.stdout.matches("\"heartbeat\"").count();
    assert!(heartbeats >= 2, "{watched:?}");

    let native =
        "--header 'content-type: application/grpc' --output /dev/null --write-out '%{http_code}'";
    for service in [
        "AdminService/ListAccounts",
        "VerifierService/IntrospectToken",
    ] {
        let method = format!("tandem.auth.v1.{service}");
        assert_eq!(caddy.https.call("127.0.0.4", &method, &[], native), "404");
    }
}
