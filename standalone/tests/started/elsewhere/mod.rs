//! Programs that verify access tokens with what the gateway publishes, as docs/verify-elsewhere.md shows them: `PyJWT`, jose, Envoy, and
//! this project's own crate. All are given the same tokens of a started stack.

pub(crate) mod forger;
mod page;
mod program;

use std::{
    fs,
    time::{Duration, Instant},
};

use contract::proto::auth::{
    RefreshTokensRequest, RefreshTokensResponse, SignOutRequest, SignUpRequest, SignUpResponse,
    TokenPair,
};
use serde_json::Value;

use self::{
    forger::Forger,
    program::{Program, Verdict},
};
use crate::{
    browser::{call, post},
    envoy::Envoy,
    scrape::get,
    services::key,
    stack::Stack,
    tools::{binary, free_port, installed, run, workspace},
};

const AUDIENCE: &str = "tandem";
/// How long a program may take to see what has changed. Envoy fetches the keys every five seconds.
const TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A stack whose issuer is the URL of its gateway.
struct Published {
    stack: Stack,
    issuer: String,
}

impl Published {
    async fn start() -> Self {
        let gateway = format!("127.0.0.1:{}", free_port());
        let issuer = format!("http://{gateway}");
        let key_encryption_keys = format!("1:{}", key(1));
        let secret = key(4);
        let settings = [
            ("TANDEM_GATEWAY__LISTEN", gateway.as_str()),
            ("TANDEM_AUTH__ISSUER", issuer.as_str()),
            (
                "TANDEM_AUTH__KEY_ENCRYPTION_KEYS",
                key_encryption_keys.as_str(),
            ),
            ("TANDEM_AUTH__SERVICE_SECRETS", secret.as_str()),
            ("TANDEM_TASK__SERVICE_SECRET", secret.as_str()),
        ];
        let stack = Stack::start_with(&settings).await;
        Self { stack, issuer }
    }

    fn sign_up(&self, email: &str) -> (String, TokenPair) {
        let request = SignUpRequest {
            email: email.to_owned(),
            password: "correct horse battery staple".to_owned(),
            ..SignUpRequest::default()
        };
        let method = "tandem.auth.v1.AuthService/SignUp";
        let answer: SignUpResponse = call(self.stack.addresses().gateway, method, &request, &[]);
        (answer.account.unwrap().id, answer.tokens.unwrap())
    }

    fn refresh(&self, refresh_token: String) -> TokenPair {
        let request = RefreshTokensRequest {
            refresh_token,
            ..RefreshTokensRequest::default()
        };
        let method = "tandem.auth.v1.AuthService/RefreshTokens";
        let answer: RefreshTokensResponse =
            call(self.stack.addresses().gateway, method, &request, &[]);
        answer.tokens.unwrap()
    }

    fn sign_out(&self, refresh_token: String) {
        let method = "tandem.auth.v1.AuthService/SignOut";
        let request = SignOutRequest { refresh_token };
        let answer = post(self.stack.addresses().gateway, method, &request, &[]);
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.contains("grpc-status: 0") || answer.contains("grpc-status:0"),
            "{answer}"
        );
    }

    /// Replaces the signing key with the command of the auth service.
    fn rotate(&self) {
        let url = self.stack.database_url();
        let keys = format!("1:{}", key(1));
        let (refresh, secret) = (format!("1:{}", key(2)), key(4));
        let variables = [
            ("TANDEM_AUTH__DATABASE__URL", url),
            ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", keys.as_str()),
            ("TANDEM_AUTH__REFRESH_KEYS", refresh.as_str()),
            ("TANDEM_AUTH__SERVICE_SECRETS", secret.as_str()),
        ];
        let output = run(&binary("auth-service"), &["keys", "rotate"], &variables);
        let shown = format!("{}{}", output.stdout, output.stderr);
        assert!(
            output.status.success() && shown.contains("is next"),
            "{shown}"
        );
    }

    fn python(&self) -> Program {
        let script = workspace().join("docs/verify-elsewhere/verify.py");
        let arguments = [script.to_str().unwrap(), &self.issuer, AUDIENCE];
        Program::start("PyJWT", &installed("TEST_PYTHON"), &arguments)
    }

    fn node(&self) -> Program {
        // Node looks for packages beside the program. Here they are in .tools.
        let packages = installed("TEST_JOSE").parent().unwrap().to_owned();
        let folder = &self.stack.folder;
        std::os::unix::fs::symlink(packages, folder.path("node_modules")).unwrap();
        let source = fs::read_to_string(workspace().join("docs/verify-elsewhere/verify.mjs"));
        let script = folder.write("verify.mjs", &source.unwrap());
        let arguments = ["node", script.to_str().unwrap(), &self.issuer, AUDIENCE];
        Program::start("jose", "/usr/bin/env".as_ref(), &arguments)
    }

    fn rust(&self) -> Program {
        let auth = format!("http://{}", self.stack.addresses().auth);
        let arguments = [auth.as_str(), &self.issuer, AUDIENCE];
        let mut program = Program::start("our crate", &binary("examples/verify"), &arguments);
        program.give(&key(4));
        program
    }

    /// Envoy in front of the gateway's own page, in place of a program of somebody else.
    async fn envoy(&self) -> Envoy {
        let gateway = self.stack.addresses().gateway.port();
        let replacements = [
            ("port_value: 9000", format!("port_value: {}", free_port())),
            ("port_value: 8080", format!("port_value: {gateway}")),
            ("port_value: 3000", format!("port_value: {gateway}")),
            ("issuer: ISSUER", format!("issuer: {}", self.issuer)),
            ("[AUDIENCE]", format!("[{AUDIENCE}]")),
        ];
        Envoy::start("docs/verify-elsewhere/envoy.yaml", &replacements).await
    }
}

/// Everything that verifies, with the same tokens.
struct Verifiers {
    programs: Vec<Program>,
    envoy: Envoy,
}

impl Verifiers {
    async fn start(published: &Published) -> Self {
        Self {
            programs: vec![published.python(), published.node(), published.rust()],
            envoy: published.envoy().await,
        }
    }

    /// What each says about a token: its name, and its verdict.
    fn check(&mut self, token: &str) -> Vec<(&'static str, Verdict)> {
        let programs = self.programs.iter_mut();
        let mut verdicts: Vec<_> = programs
            .map(|program| (program.name, program.check(token)))
            .collect();
        verdicts.push(("Envoy", self.envoy.check(token)));
        verdicts
    }

    fn assert_accepted(&mut self, token: &str) {
        for (name, verdict) in self.check(token) {
            assert!(verdict.is_ok(), "{name}: {verdict:?}");
        }
    }

    fn assert_refused(&mut self, what: &str, token: &str) {
        for (name, verdict) in self.check(token) {
            assert!(verdict.is_err(), "{name} accepts a token: {what}");
        }
    }

    /// Repeats the check until it is true, for what a program sees a moment later.
    async fn until(&mut self, token: &str, expected: impl Fn(&str, &Verdict) -> bool) {
        let began = Instant::now();
        loop {
            let verdicts = self.check(token);
            if verdicts
                .iter()
                .all(|(name, verdict)| expected(name, verdict))
            {
                return;
            }
            assert!(began.elapsed() < TIMEOUT, "{verdicts:?}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_verifiers_accept_our_tokens_and_refuse_what_is_wrong_in_any_way() {
    let published = Published::start().await;
    let (account, tokens) = published.sign_up("ada@example.org");
    let mut verifiers = Verifiers::start(&published).await;
    for (name, verdict) in verifiers.check(&tokens.access_token) {
        let expected = if name == "Envoy" {
            ""
        } else {
            account.as_str()
        };
        assert_eq!(verdict.as_deref(), Ok(expected), "{name}");
    }
    let forger = Forger::of(&published.stack, &tokens.access_token).await;
    verifiers.assert_accepted(&forger.with(&[]));
    for (what, token) in forger.wrong_tokens(&tokens.access_token) {
        verifiers.assert_refused(what, &token);
    }
    // They still work after all of that.
    verifiers.assert_accepted(&tokens.access_token);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_verifiers_go_on_when_the_signing_key_is_replaced() {
    let published = Published::start().await;
    let (_account, old) = published.sign_up("ada@example.org");
    let mut verifiers = Verifiers::start(&published).await;
    verifiers.assert_accepted(&old.access_token);
    let before = Forger::key_id(&old.access_token);
    published.rotate();
    let began = Instant::now();
    let mut refresh_token = old.refresh_token;
    let new = loop {
        let pair = published.refresh(refresh_token);
        if Forger::key_id(&pair.access_token) != before {
            break pair;
        }
        assert!(began.elapsed() < TIMEOUT, "the new key signs");
        refresh_token = pair.refresh_token;
        tokio::time::sleep(POLL_INTERVAL).await;
    };
    verifiers
        .until(&new.access_token, |_, verdict| verdict.is_ok())
        .await;
    // The tokens of the key before are valid until they expire.
    verifiers.assert_accepted(&old.access_token);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_verifier_that_follows_the_feed_sees_that_a_token_is_revoked() {
    let published = Published::start().await;
    let (account, tokens) = published.sign_up("ada@example.org");
    let mut verifiers = Verifiers::start(&published).await;
    verifiers.assert_accepted(&tokens.access_token);
    published.sign_out(tokens.refresh_token);
    verifiers
        .until(&tokens.access_token, |name, verdict| {
            match (name, verdict) {
                ("our crate", verdict) => verdict == &Err("Revoked".to_owned()),
                ("Envoy", accepted) => accepted.is_ok(),
                (_keys_alone, verdict) => verdict == &Ok(account.clone()),
            }
        })
        .await;
}

#[tokio::test]
async fn the_metadata_of_a_started_stack_lead_to_its_keys_if_the_issuer_is_a_url() {
    const METADATA: &str = "/.well-known/oauth-authorization-server";
    let published = Published::start().await;
    let gateway = published.stack.addresses().gateway;
    let metadata: Value = serde_json::from_str(&get(gateway, METADATA)).unwrap();
    assert_eq!(metadata["issuer"], published.issuer.as_str());
    let keys = format!("{}/.well-known/jwks.json", published.issuer);
    assert_eq!(metadata["jwks_uri"], keys);
    let keys: Value = serde_json::from_str(&get(gateway, "/.well-known/jwks.json")).unwrap();
    let (_account, tokens) = published.sign_up("ada@example.org");
    assert_eq!(keys["keys"][0]["kid"], Forger::key_id(&tokens.access_token));

    let unnamed = Stack::start().await;
    let url = format!("http://{}{METADATA}", unnamed.addresses().gateway);
    let arguments = ["curl", "--silent", "--write-out", "%{http_code}", &url];
    let answer = run("/usr/bin/env".as_ref(), &arguments, &[]).stdout_of_success();
    assert!(
        answer.ends_with("404") && answer.contains("auth.issuer"),
        "{answer}"
    );
}
