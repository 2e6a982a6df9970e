//! The commands for operators: every binary has them, and `print-config` and `healthcheck` do what they promise.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use testing::{Database, Folder, Process};

use crate::{
    services::{auth_variables, gateway_variables, key, migrate, serve, task_variables},
    stack::Stack,
    tools::{ProgramOutput, binary, run},
};

const BINARIES: [&str; 4] = ["auth-service", "task-service", "gateway", "standalone"];
/// How long a started service may take until it is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// The variables of a process. A later one replaces an earlier one with the same name.
type Variables = Vec<(&'static str, String)>;

fn command(name: &str, arguments: &[&str], variables: &Variables) -> ProgramOutput {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    run(&binary(name), arguments, &variables)
}

/// Runs `healthcheck` of a binary for a process that listens on `address`.
fn healthcheck(
    name: &str,
    variables: &Variables,
    listen: &'static str,
    address: &str,
) -> ProgramOutput {
    let mut variables = variables.clone();
    variables.push((listen, address.to_owned()));
    command(name, &["healthcheck"], &variables)
}

/// Asserts that a check failed and printed the reason in one line.
fn assert_unhealthy(output: &ProgramOutput, why: &str) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stderr.contains(why), "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    assert_eq!(output.stdout, "");
}

/// Repeats a check until it succeeds.
fn until_healthy(check: impl Fn() -> ProgramOutput) {
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        let output = check();
        if output.status.success() {
            assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
            return;
        }
        assert!(Instant::now() < deadline, "{output:?}");
    }
}

#[test]
fn every_binary_has_the_commands_for_operators() {
    for name in BINARIES {
        let help = command(name, &["--help"], &vec![]).stdout_of_success();
        let listed = |wanted: &str| {
            help.lines()
                .any(|line| line.split_whitespace().next() == Some(wanted))
        };
        for wanted in ["serve", "check-config", "print-config", "healthcheck"] {
            assert!(listed(wanted), "{name} {wanted}: {help}");
        }
        assert_eq!(
            listed("migrate"),
            name.ends_with("service"),
            "{name}: {help}"
        );
    }
}

/// Variables that set every secret of the four binaries to `secret`, and a few other settings.
fn variables_with(secret: &str) -> Variables {
    let keys = format!("1:{secret}");
    vec![
        (
            "DATABASE_URL",
            "postgres://tandem:hunter2@localhost/tandem".to_owned(),
        ),
        ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", keys.clone()),
        ("TANDEM_AUTH__REFRESH_KEYS", keys),
        ("TANDEM_AUTH__SERVICE_SECRETS", secret.to_owned()),
        ("TANDEM_AUTH__ACCESS_TTL", "7m".to_owned()),
        ("TANDEM_TASK__PAGE_TOKEN_KEY", secret.to_owned()),
        ("TANDEM_TASK__SERVICE_SECRET", secret.to_owned()),
        ("TANDEM_TASK__QUOTA", "7".to_owned()),
        ("TANDEM_GATEWAY__DEADLINE", "7s".to_owned()),
    ]
}

const AUTH_LINES: &[&str] = &[
    "auth.access_ttl = \"7m\" (from TANDEM_AUTH__ACCESS_TTL)",
    "auth.database.url = [secret] (from DATABASE_URL)",
    "auth.refresh_keys = [secret] (from TANDEM_AUTH__REFRESH_KEYS)",
    "auth.hash.pepper is not set",
];
const TASK_LINES: &[&str] = &[
    "task.quota = \"7\" (from TANDEM_TASK__QUOTA)",
    "task.page_token_key = [secret] (from TANDEM_TASK__PAGE_TOKEN_KEY)",
];
const GATEWAY_LINES: &[&str] = &["gateway.deadline = \"7s\" (from TANDEM_GATEWAY__DEADLINE)"];
const COMMON_LINE: &str = "log.format = \"auto\" (from the default)";

#[test]
fn print_config_shows_values_and_sources_and_no_secret() {
    let secret = key(7);
    let variables = variables_with(&secret);
    let all = [AUTH_LINES, TASK_LINES, GATEWAY_LINES].concat();
    let expected: [&[&str]; 4] = [AUTH_LINES, TASK_LINES, GATEWAY_LINES, &all];
    for (name, lines) in BINARIES.into_iter().zip(expected) {
        let output = command(name, &["print-config"], &variables);
        assert_eq!(output.stderr, "", "{name}");
        let listing = output.stdout_of_success();
        for line in lines.iter().chain(&[COMMON_LINE]) {
            let is_shown = listing.lines().any(|shown| shown == *line);
            assert!(is_shown, "{name}: {line}: {listing}");
        }
        let shows_a_secret = listing.contains("hunter2") || listing.contains(&secret);
        assert!(!shows_a_secret, "{listing}");
    }
}

#[test]
fn print_config_of_a_wrong_configuration_reports_the_problems_instead() {
    for name in BINARIES {
        let wrong = vec![("TANDEM_LOG__LEVEL", "inof".to_owned())];
        let output = command(name, &["print-config"], &wrong);
        assert_eq!(output.status.code(), Some(78), "{name}");
        assert_eq!(output.stdout, "", "{name}");
        assert!(
            output.stderr.contains("log.level: \"inof\" is not a level"),
            "{output:?}"
        );
    }
}

/// A running binary with its configuration, and the address it listens on.
struct Served {
    name: &'static str,
    listen: &'static str,
    variables: Variables,
    address: String,
    _process: Process,
}

impl Served {
    async fn start(name: &'static str, listen: &'static str, variables: Variables) -> Self {
        let (process, address) = serve(name, variables.clone()).await;
        Self {
            name,
            listen,
            variables,
            address,
            _process: process,
        }
    }

    fn healthcheck(&self) -> ProgramOutput {
        healthcheck(self.name, &self.variables, self.listen, &self.address)
    }
}

#[tokio::test]
async fn healthcheck_says_whether_services_and_gateway_are_ready() {
    let (accounts, tasks) = (Database::empty().await, Database::empty().await);
    let variables = auth_variables(&accounts);
    let auth = Served::start("auth-service", "TANDEM_AUTH__LISTEN", variables).await;
    assert_unhealthy(&auth.healthcheck(), "is not ready: NOT_SERVING");

    let variables = task_variables(&tasks, &auth.address);
    let task = Served::start("task-service", "TANDEM_TASK__LISTEN", variables).await;
    assert_unhealthy(&task.healthcheck(), "is not ready: NOT_SERVING");

    let variables = gateway_variables(&auth.address, &task.address);
    let gateway = Served::start("gateway", "TANDEM_GATEWAY__LISTEN", variables).await;
    assert_unhealthy(&gateway.healthcheck(), "is not ready: 503");

    migrate("auth-service", &auth.variables);
    until_healthy(|| auth.healthcheck());
    migrate("task-service", &task.variables);
    until_healthy(|| task.healthcheck());
    until_healthy(|| gateway.healthcheck());

    // A server that listens on every address is called on the loopback address.
    let port = auth.address.rsplit(':').next().unwrap();
    let every_address = format!("0.0.0.0:{port}");
    healthcheck(auth.name, &auth.variables, auth.listen, &every_address).stdout_of_success();
}

#[tokio::test]
async fn healthcheck_of_standalone_checks_its_gateway() {
    let stack = Stack::start().await;
    let gateway = stack.addresses().gateway.to_string();
    let listen = "TANDEM_GATEWAY__LISTEN";
    until_healthy(|| healthcheck("standalone", &vec![], listen, &gateway));
}

#[test]
fn healthcheck_fails_within_its_timeout_when_nothing_listens_or_nothing_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let never_answers = silent.local_addr().unwrap().to_string();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let absent = closed.local_addr().unwrap().to_string();
    drop(closed);
    let secrets = vec![
        ("DATABASE_URL", "postgres://localhost/tandem".to_owned()),
        ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", format!("1:{}", key(1))),
        ("TANDEM_AUTH__REFRESH_KEYS", format!("1:{}", key(2))),
        ("TANDEM_AUTH__SERVICE_SECRETS", key(4)),
        ("TANDEM_TASK__PAGE_TOKEN_KEY", key(3)),
        ("TANDEM_TASK__SERVICE_SECRET", key(4)),
    ];
    let listens = [
        "TANDEM_AUTH__LISTEN",
        "TANDEM_TASK__LISTEN",
        "TANDEM_GATEWAY__LISTEN",
        "TANDEM_GATEWAY__LISTEN",
    ];
    for (name, listen) in BINARIES.into_iter().zip(listens) {
        assert_unhealthy(
            &healthcheck(name, &secrets, listen, &absent),
            "cannot be reached",
        );
        assert_unhealthy(
            &healthcheck(name, &secrets, listen, "127.0.0.1:0"),
            "port is 0",
        );
        let mut variables = secrets.clone();
        variables.push((listen, never_answers.clone()));
        let output = command(name, &["healthcheck", "--timeout", "100ms"], &variables);
        assert_unhealthy(&output, "gave no answer within 100ms");
        let wrong = command(name, &["healthcheck", "--timeout", "soon"], &variables);
        assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn healthcheck_with_a_wrong_configuration_reports_every_problem() {
    let folder = Folder::new();
    for name in BINARIES {
        let wrong = vec![
            ("TANDEM_LOG__LEVEL", "inof".to_owned()),
            ("TANDEM_CONFIG", format!("{}/absent.toml", folder.text())),
        ];
        let output = command(name, &["healthcheck"], &wrong);
        assert_eq!(output.status.code(), Some(78), "{name}");
        let keys: Vec<_> = output
            .stderr
            .lines()
            .filter_map(|line| line.split(':').next())
            .collect();
        assert_eq!(keys, ["config", "log.level"], "{output:?}");
    }
}
