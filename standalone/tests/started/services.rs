//! Each service as a process with its own configuration.

use std::time::Duration;

use testing::{Database, Process};

use crate::{
    clients,
    scrape::{get, ports, scrape},
    tools::{binary, end_of, run},
};

const START_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// 32 bytes in base64, different for each number. They look random enough for the check of the configuration.
pub(crate) fn key(number: u8) -> String {
    let tail = char::from(b'A' + number);
    format!("2pTw0Lb1hPZmYdJx6nS8vKqRk5cE3fGyA9uWzB7o{tail}tM=")
}

/// Starts a service on a free port. Returns the process and the address that it logged.
pub(crate) async fn serve(name: &str, variables: Vec<(&'static str, String)>) -> (Process, String) {
    let process = Process::spawn(binary(name), ["serve"], variables);
    let line = process
        .wait_for_line(START_TIMEOUT, |line| {
            line.contains("\"address\":\"127.0.0.1:")
        })
        .await;
    let logged: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = logged["address"].as_str().unwrap().to_owned();
    (process, address)
}

fn log_everything() -> (&'static str, String) {
    ("TANDEM_LOG__LEVEL", "trace".to_owned())
}

/// The required variables of the auth service.
pub(crate) fn auth_variables(database: &Database) -> Vec<(&'static str, String)> {
    vec![
        ("TANDEM_AUTH__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_AUTH__DATABASE__URL", database.url().to_owned()),
        ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", format!("1:{}", key(1))),
        ("TANDEM_AUTH__REFRESH_KEYS", format!("1:{}", key(2))),
        ("TANDEM_AUTH__SERVICE_SECRETS", key(4)),
    ]
}

/// The required variables of the task service.
pub(crate) fn task_variables(database: &Database, auth: &str) -> Vec<(&'static str, String)> {
    vec![
        ("TANDEM_TASK__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_TASK__DATABASE__URL", database.url().to_owned()),
        ("TANDEM_TASK__PAGE_TOKEN_KEY", key(3)),
        ("TANDEM_TASK__SERVICE_SECRET", key(4)),
        ("TANDEM_TASK__AUTH_UPSTREAM", format!("http://{auth}")),
    ]
}

/// The required variables of the gateway.
pub(crate) fn gateway_variables(auth: &str, task: &str) -> Vec<(&'static str, String)> {
    vec![
        ("TANDEM_GATEWAY__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_GATEWAY__AUTH_UPSTREAM", format!("http://{auth}")),
        ("TANDEM_GATEWAY__TASK_UPSTREAM", format!("http://{task}")),
    ]
}

async fn stop(process: Process) {
    process.terminate();
    let (code, output) = end_of(process, STOP_TIMEOUT).await;
    assert_eq!(code, Some(0), "{output}");
}

/// Repeats a GET of the gateway's health page with curl until it succeeds.
fn wait_until_healthy(gateway: &str) {
    let health = format!("http://{gateway}/health");
    let arguments = [
        "curl",
        "--silent",
        "--fail",
        "--retry",
        "20",
        "--retry-all-errors",
        "--retry-delay",
        "1",
        &health,
    ];
    run("/usr/bin/env".as_ref(), &arguments, &[]).stdout_of_success();
}

#[tokio::test]
async fn three_processes_serve_a_python_client_together_and_log_no_secret_at_any_level() {
    let (accounts, tasks) = (Database::empty().await, Database::empty().await);
    let of_auth = [auth_variables(&accounts), vec![log_everything()]].concat();
    migrate("auth-service", &of_auth);
    let (auth, auth_address) = serve("auth-service", of_auth).await;

    let of_task = [
        task_variables(&tasks, &auth_address),
        vec![log_everything()],
    ]
    .concat();
    migrate("task-service", &of_task);
    let (task, task_address) = serve("task-service", of_task).await;

    let of_gateway = [
        gateway_variables(&auth_address, &task_address),
        vec![log_everything()],
    ]
    .concat();
    let (gateway, gateway_address) = serve("gateway", of_gateway).await;

    wait_until_healthy(&gateway_address);
    clients::python_life(&auth_address, &task_address);
    for (process, name) in [(&auth, "auth"), (&task, "task"), (&gateway, "gateway")] {
        assert_ops_port(process, name);
    }

    stop(gateway).await;
    stop(task).await;
    stop(auth).await;
}

/// Asserts that its operations port says that it is ready, and serves the metrics and the settings of this service.
fn assert_ops_port(process: &Process, name: &str) {
    let ports = ports(process);
    assert_eq!(ports.len(), 1, "{name}");
    assert!(get(ports[0], "/readyz").contains("\"ready\""), "{name}");
    let scraped = scrape(process);
    assert_eq!(scraped[0].service, name);
    let settings = get(ports[0], "/configz");
    assert!(
        settings.contains(&format!("{name}.ops.listen = ")),
        "{settings}"
    );
    for number in 1..=4 {
        assert!(!settings.contains(&key(number)), "{name} shows a secret");
    }
}

/// Migrates twice. The second time there is nothing to do.
pub(crate) fn migrate(name: &str, variables: &[(&'static str, String)]) {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    for _ in 0..2 {
        run(&binary(name), &["migrate"], &variables).stdout_of_success();
    }
}
