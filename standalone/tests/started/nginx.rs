//! A real nginx with the configuration that is shipped, in front of the gateway and the services: browsers and backends behind it are
//! addresses of their own, from nginx to the audit log.

use std::{ops::Deref, path::Path, time::Duration};

use contract::proto::auth::SignInRequest;
use testing::{Folder, Process, certificates::Authority};

use crate::{
    https::{Https, frame, grpc_status},
    proxy::{
        addresses, assert_each_browser_is_an_address_of_its_own,
        assert_the_refresh_token_stays_in_the_cookie, shipped,
    },
    stack::Stack,
    tools::{free_port, installed},
};

const NAME: &str = "tandem.example.com";
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A running nginx.
struct Nginx {
    _process: Process,
    https: Https,
}

impl Deref for Nginx {
    type Target = Https;

    fn deref(&self) -> &Https {
        &self.https
    }
}

impl Nginx {
    /// Starts with the shipped file, of which only addresses and paths are replaced.
    async fn start(stack: &Stack) -> Self {
        let folder = Folder::new();
        let authority = Authority::new("proxies");
        folder.write("ca.pem", &authority.pem());
        let (certificate, key) = folder.write_identity("tandem", &authority.issue(&[NAME]));
        let port = free_port();
        let own = [
            ("listen 443 ", format!("listen 127.0.0.1:{port} ")),
            (
                "/etc/nginx/tls/tandem.crt",
                certificate.display().to_string(),
            ),
            ("/etc/nginx/tls/tandem.key", key.display().to_string()),
        ];
        let replacements: Vec<_> = addresses(stack).into_iter().chain(own).collect();
        let site = shipped("deploy/nginx/tandem.conf", &replacements);
        let site = folder.write("site.conf", &site);
        let main = folder.write("nginx.conf", &main_file(&folder, &site));
        let arguments = ["-e", "stderr", "-c", main.to_str().unwrap()];
        let process = Process::spawn(installed("TEST_NGINX"), arguments, []);
        process
            .wait_for_line(START_TIMEOUT, |line| line.contains("start worker process"))
            .await;
        Self {
            _process: process,
            https: Https::new(folder, NAME, port),
        }
    }

    /// The answer to a browser that tries a wrong password.
    fn guess(&self, number: u32) -> Option<u32> {
        let request = wrong_password(number);
        let answer = self.call_as_browser("127.0.0.2", SIGN_IN, &request, "");
        grpc_status(&String::from_utf8_lossy(&answer))
    }
}

/// The file that includes the site. Everything that nginx would write elsewhere is in the folder.
fn main_file(folder: &Folder, site: &Path) -> String {
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {}/{kind};\n", folder.text()))
        .concat();
    format!(
        "daemon off;\npid {0}/nginx.pid;\nerror_log stderr notice;\nevents {{}}\nhttp {{\n    access_log off;\n{paths}    include {1};\n}}\n",
        folder.text(),
        site.display()
    )
}

fn wrong_password(number: u32) -> SignInRequest {
    SignInRequest {
        email: format!("nobody{number}@example.org"),
        password: "a wrong password".to_owned(),
        ..SignInRequest::default()
    }
}

const SIGN_IN: &str = "tandem.auth.v1.AuthService/SignIn";

/// Nginx in front of a stack in which three wrong passwords use up an address.
async fn stack_behind_nginx() -> (Stack, Nginx) {
    let burst = [("TANDEM_AUTH__THROTTLE__ADDRESS_BURST", "3")];
    let stack = Stack::start_with(&burst).await;
    let nginx = Nginx::start(&stack).await;
    for number in 0..3 {
        assert_eq!(nginx.guess(number), Some(16));
    }
    assert_eq!(nginx.guess(3), Some(8));
    (stack, nginx)
}

#[tokio::test]
async fn behind_the_shipped_nginx_each_browser_is_an_address_of_its_own() {
    let (stack, nginx) = stack_behind_nginx().await;
    assert_each_browser_is_an_address_of_its_own(&stack, &nginx).await;
}

#[tokio::test]
async fn behind_the_shipped_nginx_a_browser_keeps_its_refresh_token_in_the_cookie_of_https() {
    let (_stack, nginx) = stack_behind_nginx().await;
    assert_the_refresh_token_stays_in_the_cookie(&nginx);
}

#[tokio::test]
async fn behind_the_shipped_nginx_a_backend_reaches_the_services_but_not_administration() {
    let (_stack, nginx) = stack_behind_nginx().await;
    // It is not the browser that guessed.
    let native = "--include --header 'content-type: application/grpc' --header 'te: trailers'";
    let answer = nginx
        .https
        .call("127.0.0.4", SIGN_IN, &frame(&wrong_password(9)), native);
    assert_eq!(grpc_status(&answer), Some(16), "{answer}");
    let admin = "tandem.auth.v1.AdminService/ListAccounts";
    let status = "--output /dev/null --write-out '%{http_code}'";
    assert_eq!(nginx.call("127.0.0.4", admin, &[], status), "404");
}
