//! The program, run as an operator runs it.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, also in what tests share"
)]

use std::time::Duration;

use contract::proto::{
    auth::{GetJsonWebKeySetRequest, auth_service_client::AuthServiceClient},
    health::{HealthCheckRequest, health_client::HealthClient},
};
use testing::{Database, Process};
use tonic::transport::Channel;

const PROGRAM: &str = env!("CARGO_BIN_EXE_auth-service");
const TIMEOUT: Duration = Duration::from_secs(30);
/// Base64 of bytes that have no pattern.
const KEY: &str = "1q9vXnF3mB0kqz6R2oYtq5c8w1uJxgS7hDdEoPZ4L2Y=";

fn variables(database: &Database) -> Vec<(&'static str, String)> {
    vec![
        ("DATABASE_URL", database.url().to_owned()),
        ("TANDEM_AUTH__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", format!("1:{KEY}")),
        ("TANDEM_AUTH__REFRESH_KEYS", format!("1:{KEY}")),
        ("TANDEM_AUTH__SERVICE_SECRETS", KEY.to_owned()),
        ("TANDEM_LOG__FORMAT", "json".to_owned()),
    ]
}

/// Asserts that the server is ready and publishes its key.
async fn assert_ready(address: &str) {
    let channel = Channel::from_shared(format!("http://{address}"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let health = HealthClient::new(channel.clone())
        .check(HealthCheckRequest::default())
        .await
        .unwrap();
    assert_eq!(health.into_inner().status, 1);
    let keys = AuthServiceClient::new(channel)
        .get_json_web_key_set(GetJsonWebKeySetRequest {})
        .await;
    assert_eq!(keys.unwrap().into_inner().keys.len(), 1);
}

#[tokio::test]
async fn it_migrates_becomes_ready_serves_and_stops_cleanly() {
    let database = Database::empty().await;
    let mut serving = Process::spawn(PROGRAM, ["serve"], variables(&database));
    let line = serving
        .wait_for_line(TIMEOUT, |line| line.contains("\"listening\""))
        .await;
    let address = line
        .split("\"address\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    // The schema is missing, so the program runs but is not ready until the database is migrated.
    serving
        .wait_for_line(TIMEOUT, |line| {
            line.contains("run this binary's `migrate` command")
        })
        .await;
    for _ in 0..2 {
        let mut migration = Process::spawn(PROGRAM, ["migrate"], variables(&database));
        assert!(
            migration.ended(TIMEOUT).await.success(),
            "{}",
            migration.output()
        );
    }
    serving
        .wait_for_line(TIMEOUT, |line| line.contains("\"ready\""))
        .await;

    assert_ready(address).await;
    serving.terminate();
    assert!(
        serving.ended(TIMEOUT).await.success(),
        "{}",
        serving.output()
    );
    assert!(!serving.output().contains(KEY));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the table of its cases is long")]
async fn all_problems_of_the_settings_are_reported_at_once_without_secrets() {
    let variables = [
        (
            "TANDEM_AUTH__KEY_ENCRYPTION_KEYS",
            "1:c2hvcnQgc2VjcmV0".to_owned(),
        ),
        ("TANDEM_AUTH__SIGNING__ROTATE_EVERY", "1ms".to_owned()),
        ("TANDEM_AUTH__SIGNING__POLL", "1m".to_owned()),
        ("TANDEM_AUTH__REFRESH_KEYS", format!("1:{KEY},1:{KEY}")),
        (
            "TANDEM_AUTH__SERVICE_SECRETS",
            "a-secret,too-short".to_owned(),
        ),
        ("TANDEM_AUTH__ACCESS_TTL", "2h".to_owned()),
        ("TANDEM_AUTH__FEED__POLL", "500ms".to_owned()),
        ("TANDEM_AUTH__FEED__HEARTBEAT", "100ms".to_owned()),
        ("TANDEM_AUTH__IDLE_TTL", "100d".to_owned()),
        ("TANDEM_AUTH__HASH__MEMORY_KIB", "7".to_owned()),
        ("TANDEM_AUTH__ISUER", "x".to_owned()),
    ];
    let mut process = Process::spawn(PROGRAM, ["check-config"], variables);
    assert_eq!(process.ended(TIMEOUT).await.code(), Some(78));
    for expected in [
        "auth.database.url: is required",
        "auth.key_encryption_keys: must be base64 of exactly 32 bytes",
        "auth.signing.rotate_every: must be 0s, for never, or at least 1s",
        "auth.signing.poll: \"1m\" is out of range: from 10ms to 10s",
        "auth.refresh_keys: names one key id twice",
        "auth.service_secrets: must have 32 to 512 characters",
        "auth.feed.poll: must not be longer than auth.feed.heartbeat",
        "auth.access_ttl: \"2h\" is out of range: from 1m to 1h",
        "auth.idle_ttl: must not be longer than auth.absolute_ttl",
        "auth.hash.memory_kib: \"7\" is out of range",
        "auth.isuer: unknown setting; did you mean auth.issuer?",
    ] {
        process
            .wait_for_line(TIMEOUT, |line| line.contains(expected))
            .await;
    }
    for secret in [KEY, "c2hvcnQgc2VjcmV0", "a-secret", "too-short"] {
        assert!(!process.output().contains(secret));
    }
}

#[tokio::test]
async fn valid_settings_pass_and_weak_hashing_causes_a_warning() {
    let database = Database::empty().await;
    let mut good = variables(&database);
    let mut check = Process::spawn(PROGRAM, ["check-config"], good.clone());
    assert!(check.ended(TIMEOUT).await.success(), "{}", check.output());
    good.push(("TANDEM_AUTH__HASH__MEMORY_KIB", "1024".to_owned()));
    let serving = Process::spawn(PROGRAM, Vec::<String>::new(), good);
    serving
        .wait_for_line(TIMEOUT, |line| line.contains("below OWASP's minimum"))
        .await;
}

#[tokio::test]
async fn an_operator_lists_rotates_and_kills_signing_keys() {
    let database = Database::with(&[auth_service::SCHEMA]).await;
    let serving = Process::spawn(PROGRAM, ["serve"], variables(&database));
    serving
        .wait_for_line(TIMEOUT, |line| line.contains("\"ready\""))
        .await;
    let keys = async |arguments: &[&str]| {
        let arguments = ["keys"].iter().chain(arguments);
        let mut process = Process::spawn(PROGRAM, arguments, variables(&database));
        let code = process.ended(TIMEOUT).await.code();
        // Separate threads read the output to its end.
        let line = process
            .wait_for_line(TIMEOUT, |line| !line.starts_with('{'))
            .await;
        (code, line)
    };
    let (code, table) = keys(&["list"]).await;
    let (old, rest) = table.split_once("  ").unwrap();
    assert!(code == Some(0) && rest.starts_with("ACTIVE "), "{table}");
    let (code, output) = keys(&["rotate"]).await;
    let (new, rest) = output.split_once(' ').unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(
        rest,
        "is next: it signs as soon as the connected verifiers accept it"
    );
    serving
        .wait_for_line(TIMEOUT, |line| {
            line.contains("a new key signs") && line.contains(new)
        })
        .await;
    let (code, output) = keys(&["kill", old]).await;
    assert_eq!((code, output), (Some(0), format!("{old} is killed")));
    for unknown in [old, "-an-id-may-begin-so", "-help"] {
        let (code, output) = keys(&["kill", unknown]).await;
        let expected = format!("there is no signing key {unknown}, or it was killed before");
        assert_eq!((code, output), (Some(65), expected));
    }
}

#[tokio::test]
async fn without_the_key_that_sealed_the_signing_key_it_reports_this_and_ends() {
    let database = Database::with(&[auth_service::SCHEMA]).await;
    let mut serving = Process::spawn(PROGRAM, ["serve"], variables(&database));
    serving
        .wait_for_line(TIMEOUT, |line| line.contains("\"ready\""))
        .await;
    serving.terminate();
    serving.ended(TIMEOUT).await;
    let mut other = variables(&database);
    other.retain(|(name, _)| *name != "TANDEM_AUTH__KEY_ENCRYPTION_KEYS");
    other.push(("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", format!("2:{KEY}")));
    let mut serving = Process::spawn(PROGRAM, ["serve"], other);
    assert_eq!(serving.ended(TIMEOUT).await.code(), Some(1));
    serving
        .wait_for_line(TIMEOUT, |line| {
            line.starts_with("the signing key ")
                && line.ends_with("which auth.key_encryption_keys does not have")
        })
        .await;
    assert!(!serving.output().contains(KEY));
}
