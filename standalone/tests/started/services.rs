//! Each part as a process of its own, with its own configuration.

use std::time::Duration;

use testing::{Database, Process};

use crate::{
    clients,
    scrape::{get, ports, scrape},
    tools::{binary, end_of, run},
};

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(30);

/// 32 bytes in base64, another for each number; random enough for a configuration.
pub(crate) fn key(number: u8) -> String {
    let tail = char::from(b'A' + number);
    format!("2pTw0Lb1hPZmYdJx6nS8vKqRk5cE3fGyA9uWzB7o{tail}tM=")
}

/// A part that serves on a port of the system's choice, and the address it logs.
pub(crate) async fn serve(name: &str, variables: Vec<(&'static str, String)>) -> (Process, String) {
    let process = Process::spawn(binary(name), ["serve"], variables);
    let line = process
        .wait_for_line(START, |line| line.contains("\"address\":\"127.0.0.1:"))
        .await;
    let logged: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = logged["address"].as_str().unwrap().to_owned();
    (process, address)
}

fn trace() -> (&'static str, String) {
    ("TANDEM_LOG__LEVEL", "trace".to_owned())
}

/// What the auth service needs.
pub(crate) fn of_auth(database: &Database) -> Vec<(&'static str, String)> {
    vec![
        ("TANDEM_AUTH__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_AUTH__DATABASE__URL", database.url().to_owned()),
        ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", format!("1:{}", key(1))),
        ("TANDEM_AUTH__REFRESH_KEYS", format!("1:{}", key(2))),
        ("TANDEM_AUTH__SERVICE_SECRETS", key(4)),
    ]
}

/// What the task service needs.
pub(crate) fn of_task(database: &Database, auth: &str) -> Vec<(&'static str, String)> {
    vec![
        ("TANDEM_TASK__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_TASK__DATABASE__URL", database.url().to_owned()),
        ("TANDEM_TASK__PAGE_TOKEN_KEY", key(3)),
        ("TANDEM_TASK__SERVICE_SECRET", key(4)),
        ("TANDEM_TASK__AUTH_UPSTREAM", format!("http://{auth}")),
    ]
}

/// What the gateway needs.
pub(crate) fn of_gateway(auth: &str, task: &str) -> Vec<(&'static str, String)> {
    vec![
        ("TANDEM_GATEWAY__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_GATEWAY__AUTH_UPSTREAM", format!("http://{auth}")),
        ("TANDEM_GATEWAY__TASK_UPSTREAM", format!("http://{task}")),
    ]
}

async fn stop(process: Process) {
    process.terminate();
    let (code, output) = end_of(process, STOP).await;
    assert_eq!(code, Some(0), "{output}");
}

#[tokio::test]
async fn three_processes_serve_a_python_client_together_and_log_no_secret_at_any_level() {
    let (accounts, tasks) = (Database::empty().await, Database::empty().await);
    let auth_variables = [of_auth(&accounts), vec![trace()]].concat();
    migrate("auth-service", &auth_variables);
    let (auth, auth_at) = serve("auth-service", auth_variables).await;

    let task_variables = [of_task(&tasks, &auth_at), vec![trace()]].concat();
    migrate("task-service", &task_variables);
    let (task, task_at) = serve("task-service", task_variables).await;

    let gateway_variables = [of_gateway(&auth_at, &task_at), vec![trace()]].concat();
    let (gateway, gateway_at) = serve("gateway", gateway_variables).await;

    let health = format!("http://{gateway_at}/health");
    let healthy = [
        "--silent",
        "--fail",
        "--retry",
        "20",
        "--retry-all-errors",
        "--retry-delay",
        "1",
        &health,
    ];
    run(
        "/usr/bin/env".as_ref(),
        &[&["curl"], &healthy[..]].concat(),
        &[],
    )
    .well();
    clients::python_life(&auth_at, &task_at);
    for (process, name) in [(&auth, "auth"), (&task, "task"), (&gateway, "gateway")] {
        assert_tells_of_itself(process, name);
    }

    stop(gateway).await;
    stop(task).await;
    stop(auth).await;
}

/// Its operations port says that it is ready, and counts for this service.
fn assert_tells_of_itself(process: &Process, name: &str) {
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

/// Migrates twice: the second time there is nothing to do.
pub(crate) fn migrate(name: &str, variables: &[(&'static str, String)]) {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    for _ in 0..2 {
        run(&binary(name), &["migrate"], &variables).well();
    }
}
