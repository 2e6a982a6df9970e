//! `standalone` with a private PostgreSQL is started, stopped and killed.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use contract::proto::{
    auth::{
        RefreshTokensRequest, SignUpRequest, TokenPair, auth_service_client::AuthServiceClient,
    },
    task::{CreateTaskRequest, ListTasksRequest, Task, task_service_client::TaskServiceClient},
};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};
use testing::{Folder, Process, postmaster};
use tokio::net::TcpListener;
use tonic::{
    Request,
    transport::{Channel, Endpoint},
};

use crate::{
    stack::{RunningStandalone, spawn, variables},
    tools::{binary, end_of},
};

/// How long a second start may take until the commands are printed.
const SECOND_START_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a stop may take. It waits for connections and for PostgreSQL's last checkpoint.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a process may take to exit when it refuses to start.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The first process of the running PostgreSQL.
fn running_postmaster(folder: &Folder) -> Pid {
    postmaster(&folder.path("postgres")).expect("a private PostgreSQL runs")
}

fn postmaster_file(folder: &Folder) -> PathBuf {
    folder.path("postgres/cluster/postmaster.pid")
}

async fn wait_for_end(pid: Pid) {
    let deadline = Instant::now() + STOP_TIMEOUT;
    while test_kill_process(pid).is_ok() {
        assert!(Instant::now() < deadline, "{pid:?} still runs");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_lazy()
}

fn with_token<T>(message: T, tokens: &TokenPair) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {}", tokens.access_token).parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

async fn sign_up(running: &RunningStandalone) -> TokenPair {
    let request = SignUpRequest {
        email: "me@example.com".to_owned(),
        password: "a password of my own".to_owned(),
        ..SignUpRequest::default()
    };
    let mut auth = AuthServiceClient::new(channel(running.addresses.auth));
    auth.sign_up(request)
        .await
        .unwrap()
        .into_inner()
        .tokens
        .unwrap()
}

async fn refresh(running: &RunningStandalone, refresh_token: &str) -> TokenPair {
    let request = RefreshTokensRequest {
        refresh_token: refresh_token.to_owned(),
        attempt_tag: vec![7; 32],
    };
    let mut auth = AuthServiceClient::new(channel(running.addresses.auth));
    let answer = auth.refresh_tokens(request).await.unwrap();
    answer.into_inner().tokens.unwrap()
}

async fn create(running: &RunningStandalone, tokens: &TokenPair, title: &str) -> Task {
    let task = Task {
        title: title.to_owned(),
        ..Task::default()
    };
    let message = CreateTaskRequest {
        task: Some(task),
        ..CreateTaskRequest::default()
    };
    let mut tasks = TaskServiceClient::new(channel(running.addresses.task));
    let answer = tasks
        .create_task(with_token(message, tokens))
        .await
        .unwrap();
    answer.into_inner().task.unwrap()
}

async fn list(running: &RunningStandalone, tokens: &TokenPair) -> Vec<Task> {
    let mut tasks = TaskServiceClient::new(channel(running.addresses.task));
    let message = ListTasksRequest::default();
    let answer = tasks.list_tasks(with_token(message, tokens)).await.unwrap();
    answer.into_inner().tasks
}

#[tokio::test]
async fn after_sigterm_everything_stops_and_a_second_start_soon_finds_all_data() {
    let folder = Folder::new();
    let first = RunningStandalone::start(&folder).await;
    let tokens = sign_up(&first).await;
    let task = create(&first, &tokens, "before").await;
    let postgres = running_postmaster(&folder);
    first.process.terminate();
    let (code, output) = end_of(first.process, STOP_TIMEOUT).await;
    assert_eq!(code, Some(0), "{output}");
    assert!(
        test_kill_process(postgres).is_err(),
        "PostgreSQL still runs"
    );
    assert!(
        !postmaster_file(&folder).exists(),
        "PostgreSQL was not stopped cleanly"
    );

    let second = RunningStandalone::ready(spawn(variables(&folder)), SECOND_START_TIMEOUT).await;
    // The signing keys are the same, so the earlier token is still valid.
    assert_eq!(list(&second, &tokens).await, [task]);
    refresh(&second, &tokens.refresh_token).await;
    assert!(second.token().starts_with("ey"));
}

#[tokio::test]
async fn a_stop_during_the_start_leaves_no_postgresql_behind() {
    let folder = Folder::new();
    let process = spawn(variables(&folder));
    let deadline = Instant::now() + REFUSAL_TIMEOUT;
    while !folder.path("postgres/cluster").exists() {
        assert!(Instant::now() < deadline, "{}", process.output());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    process.terminate();
    let (code, output) = end_of(process, STOP_TIMEOUT).await;
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("postgres stopped"), "{output}");
    assert!(!postmaster_file(&folder).exists(), "{output}");
}

#[tokio::test]
async fn a_kill_of_everything_loses_no_task_and_no_session() {
    let folder = Folder::new();
    let binary = binary("standalone");
    // In its own process group, as a terminal or a service manager starts it.
    let process = Process::spawn(
        "/usr/bin/env",
        ["setsid".into(), binary],
        variables(&folder),
    );
    let first = RunningStandalone::ready(process, Duration::from_mins(1)).await;
    let tokens = sign_up(&first).await;
    let next = refresh(&first, &tokens.refresh_token).await;
    let mut confirmed = Vec::new();
    for title in ["one", "two", "three"] {
        confirmed.push(create(&first, &next, title).await);
    }
    let postgres = running_postmaster(&folder);
    let group = Pid::from_raw(first.process.id().cast_signed()).unwrap();
    kill_process_group(group, Signal::KILL).unwrap();
    kill_process(postgres, Signal::KILL).unwrap();
    let (code, _) = end_of(first.process, REFUSAL_TIMEOUT).await;
    assert_eq!(code, None, "it was killed");
    wait_for_end(postgres).await;

    let second = RunningStandalone::start(&folder).await;
    confirmed.reverse();
    assert_eq!(list(&second, &next).await, confirmed);
    // A client can go on in both ways: repeat the refresh whose answer was lost, or use the new token.
    assert_eq!(
        refresh(&second, &tokens.refresh_token).await.refresh_token,
        next.refresh_token
    );
    refresh(&second, &next.refresh_token).await;
}

#[tokio::test]
async fn the_process_ends_with_an_error_when_its_database_ends() {
    let folder = Folder::new();
    let running = RunningStandalone::start(&folder).await;
    let postgres = running_postmaster(&folder);
    kill_process(postgres, Signal::KILL).unwrap();
    let (code, output) = end_of(running.process, STOP_TIMEOUT).await;
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("PostgreSQL ended ("), "{output}");
}

#[tokio::test]
async fn a_port_in_use_is_reported_with_its_setting() {
    for variable in [
        "TANDEM_AUTH__LISTEN",
        "TANDEM_TASK__LISTEN",
        "TANDEM_GATEWAY__LISTEN",
    ] {
        let folder = Folder::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut variables = variables(&folder);
        variables.retain(|(name, _)| *name != variable);
        variables.push((variable, address.to_string()));
        let (code, output) = end_of(spawn(variables), REFUSAL_TIMEOUT).await;
        assert_eq!(code, Some(1), "{output}");
        let line = output.lines().last().unwrap();
        assert!(line.contains(&address.to_string()), "{output}");
        assert!(line.contains(variable), "{output}");
        assert!(!folder.path("postgres").exists(), "PostgreSQL was started");
    }
}

#[tokio::test]
async fn a_second_process_cannot_use_the_same_folder() {
    let folder = Folder::new();
    let _first = RunningStandalone::start(&folder).await;
    let (code, output) = end_of(spawn(variables(&folder)), REFUSAL_TIMEOUT).await;
    assert_eq!(code, Some(1), "{output}");
    assert!(
        output.contains("is in use by another running process"),
        "{output}"
    );
}

#[tokio::test]
async fn without_postgresql_the_error_says_how_to_install_it() {
    let (folder, empty) = (Folder::new(), Folder::new());
    let mut variables = variables(&folder);
    variables.push(("TANDEM_STANDALONE__POSTGRES_BINARIES", empty.text()));
    let (code, output) = end_of(spawn(variables), REFUSAL_TIMEOUT).await;
    assert_eq!(code, Some(69), "{output}");
    let line = output.lines().last().unwrap();
    assert!(line.contains("apt-get install postgresql"), "{output}");
}

#[tokio::test]
async fn secrets_are_private_and_a_damaged_file_is_neither_used_nor_replaced() {
    let folder = Folder::new();
    let running = RunningStandalone::start(&folder).await;
    let file = folder.path("secrets.toml");
    for private in [&file, &folder.path("demo-password")] {
        let mode = fs::metadata(private).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", private.display());
    }
    let secrets = fs::read_to_string(&file).unwrap();
    let output = running.process.output();
    for secret in secrets.lines().filter_map(|line| line.split_once(" = ")) {
        assert!(
            !output.contains(secret.1.trim_matches('"')),
            "{} is printed",
            secret.0
        );
    }
    running.process.terminate();
    end_of(running.process, STOP_TIMEOUT).await;

    let damaged = &secrets[..secrets.len() - 20];
    fs::write(&file, damaged).unwrap();
    let (code, output) = end_of(spawn(variables(&folder)), REFUSAL_TIMEOUT).await;
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("secrets.toml is damaged"), "{output}");
    assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
}
