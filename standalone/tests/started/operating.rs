//! The commands for operators: `print-config` and `healthcheck`, and that every binary has them.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use testing::Database;

use crate::{
    services::{key, migrate, of_auth, of_gateway, of_task, serve},
    stack::Stack,
    tools::{Folder, Told, binary, run},
};

const BINARIES: [&str; 4] = ["auth-service", "task-service", "gateway", "standalone"];
/// How long a started service may take to be ready.
const READY: Duration = Duration::from_secs(20);

/// Variables of a process, of which later ones win.
type Variables = Vec<(&'static str, String)>;

fn command(name: &str, arguments: &[&str], variables: &Variables) -> Told {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    run(&binary(name), arguments, &variables)
}

/// What `healthcheck` of a binary says when the process listens on `address`.
fn healthcheck(name: &str, variables: &Variables, listen: &'static str, address: &str) -> Told {
    let mut variables = variables.clone();
    variables.push((listen, address.to_owned()));
    command(name, &["healthcheck"], &variables)
}

/// Claims that a check failed and told why in one line.
fn assert_unhealthy(told: &Told, why: &str) {
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(told.stderr.contains(why), "{told:?}");
    assert_eq!(told.stderr.lines().count(), 1, "{told:?}");
    assert_eq!(told.stdout, "");
}

/// Asks until the answer is that all is well.
fn until_healthy(check: impl Fn() -> Told) {
    let deadline = Instant::now() + READY;
    loop {
        let told = check();
        if told.status.success() {
            assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("", ""));
            return;
        }
        assert!(Instant::now() < deadline, "{told:?}");
    }
}

#[test]
fn every_binary_has_the_commands_of_an_operator() {
    for name in BINARIES {
        let help = command(name, &["--help"], &vec![]).well();
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

#[test]
fn print_config_shows_values_and_sources_and_no_secret() {
    let secret = key(7);
    let variables = vec![
        (
            "DATABASE_URL",
            "postgres://tandem:hunter2@localhost/tandem".to_owned(),
        ),
        ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", format!("1:{secret}")),
        ("TANDEM_AUTH__REFRESH_KEYS", format!("1:{secret}")),
        ("TANDEM_AUTH__SERVICE_SECRETS", secret.clone()),
        ("TANDEM_AUTH__ACCESS_TTL", "7m".to_owned()),
        ("TANDEM_TASK__PAGE_TOKEN_KEY", secret.clone()),
        ("TANDEM_TASK__SERVICE_SECRET", secret.clone()),
        ("TANDEM_TASK__QUOTA", "7".to_owned()),
        ("TANDEM_GATEWAY__DEADLINE", "7s".to_owned()),
    ];
    let auth = [
        "auth.access_ttl = \"7m\" (from TANDEM_AUTH__ACCESS_TTL)",
        "auth.database.url = [secret] (from DATABASE_URL)",
        "auth.refresh_keys = [secret] (from TANDEM_AUTH__REFRESH_KEYS)",
        "auth.hash.pepper is not set",
    ];
    let task = [
        "task.quota = \"7\" (from TANDEM_TASK__QUOTA)",
        "task.page_token_key = [secret] (from TANDEM_TASK__PAGE_TOKEN_KEY)",
    ];
    let gateway = ["gateway.deadline = \"7s\" (from TANDEM_GATEWAY__DEADLINE)"];
    let all = [&auth[..], &task, &gateway].concat();
    let shown: [&[&str]; 4] = [&auth, &task, &gateway, &all];
    for (name, lines) in BINARIES.into_iter().zip(shown) {
        let told = command(name, &["print-config"], &variables);
        assert_eq!(told.stderr, "", "{name}");
        let listing = told.well();
        for line in lines
            .iter()
            .chain(&["log.format = \"auto\" (from the default)"])
        {
            assert!(
                listing.lines().any(|shown| shown == *line),
                "{name}: {line}: {listing}"
            );
        }
        assert!(
            !listing.contains("hunter2") && !listing.contains(&secret),
            "{listing}"
        );
    }
}

#[test]
fn print_config_of_a_wrong_configuration_tells_the_problems_instead() {
    for name in BINARIES {
        let wrong = vec![("TANDEM_LOG__LEVEL", "inof".to_owned())];
        let told = command(name, &["print-config"], &wrong);
        assert_eq!(told.status.code(), Some(78), "{name}");
        assert_eq!(told.stdout, "", "{name}");
        assert!(
            told.stderr.contains("log.level: \"inof\" is not a level"),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn healthcheck_tells_whether_services_and_gateway_are_ready() {
    let (accounts, tasks) = (Database::empty().await, Database::empty().await);
    let auth_variables = of_auth(&accounts);
    let (_auth, auth) = serve("auth-service", auth_variables.clone()).await;
    let check_auth = || {
        healthcheck(
            "auth-service",
            &auth_variables,
            "TANDEM_AUTH__LISTEN",
            &auth,
        )
    };
    assert_unhealthy(&check_auth(), "is not ready: NOT_SERVING");

    let task_variables = of_task(&tasks, &auth);
    let (_task, task) = serve("task-service", task_variables.clone()).await;
    let check_task = || {
        healthcheck(
            "task-service",
            &task_variables,
            "TANDEM_TASK__LISTEN",
            &task,
        )
    };
    assert_unhealthy(&check_task(), "is not ready: NOT_SERVING");

    let gateway_variables = of_gateway(&auth, &task);
    let (_gateway, gateway) = serve("gateway", gateway_variables.clone()).await;
    let check_gateway = || {
        healthcheck(
            "gateway",
            &gateway_variables,
            "TANDEM_GATEWAY__LISTEN",
            &gateway,
        )
    };
    assert_unhealthy(&check_gateway(), "is not ready: 503");

    migrate("auth-service", &auth_variables);
    until_healthy(check_auth);
    migrate("task-service", &task_variables);
    until_healthy(check_task);
    until_healthy(check_gateway);

    // A server on every address is asked on loopback.
    let port = auth.rsplit(':').next().unwrap();
    let everywhere = format!("0.0.0.0:{port}");
    healthcheck(
        "auth-service",
        &auth_variables,
        "TANDEM_AUTH__LISTEN",
        &everywhere,
    )
    .well();
}

#[tokio::test]
async fn healthcheck_of_the_whole_asks_its_gateway() {
    let stack = Stack::start().await;
    let gateway = stack.addresses().gateway.to_string();
    let listen = "TANDEM_GATEWAY__LISTEN";
    until_healthy(|| healthcheck("standalone", &vec![], listen, &gateway));
}

#[test]
fn healthcheck_fails_within_its_time_when_nobody_is_there_or_nobody_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let answers_nothing = silent.local_addr().unwrap().to_string();
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
        variables.push((listen, answers_nothing.clone()));
        let told = command(name, &["healthcheck", "--timeout", "100ms"], &variables);
        assert_unhealthy(&told, "gave no answer within 100ms");
        let wrong = command(name, &["healthcheck", "--timeout", "soon"], &variables);
        assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn healthcheck_with_a_wrong_configuration_tells_every_problem() {
    let folder = Folder::new();
    for name in BINARIES {
        let wrong = vec![
            ("TANDEM_LOG__LEVEL", "inof".to_owned()),
            ("TANDEM_CONFIG", format!("{}/absent.toml", folder.text())),
        ];
        let told = command(name, &["healthcheck"], &wrong);
        assert_eq!(told.status.code(), Some(78), "{name}");
        let keys: Vec<_> = told
            .stderr
            .lines()
            .filter_map(|line| line.split(':').next())
            .collect();
        assert_eq!(keys, ["config", "log.level"], "{told:?}");
    }
}
