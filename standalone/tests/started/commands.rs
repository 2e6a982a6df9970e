//! The printed and documented commands, run in a shell unchanged.

use std::{fs, path::Path, time::Duration};

use standalone::next_steps::{Addresses, blocks};
use testing::Process;

use crate::{
    stack::Stack,
    tools::{ProgramOutput, installed, run, workspace},
};

const TIMEOUT: Duration = Duration::from_secs(20);

/// The documented commands of a title, for this stack.
fn documented(stack: &Stack, title: &str) -> String {
    let block = blocks(&stack.addresses())
        .into_iter()
        .find(|block| block.title == title);
    block.unwrap_or_else(|| panic!("no block {title}")).commands
}

/// PATH with the folders of buf and grpcurl.
fn path() -> String {
    let tools = ["TEST_BUF", "TEST_GRPCURL"].map(installed);
    let [buf, grpcurl] = tools
        .each_ref()
        .map(|tool| tool.parent().unwrap().display());
    let path = std::env::var_os("PATH").unwrap_or_default();
    format!("{buf}:{grpcurl}:{}", path.display())
}

fn run_in_shell(stack: &Stack, commands: &str, token: &str) -> ProgramOutput {
    let home = stack.folder.text();
    let variables = [
        ("PATH", path()),
        ("HOME", home),
        ("TOKEN", token.to_owned()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    run(
        Path::new("/bin/bash"),
        &["-euo", "pipefail", "-c", commands],
        &variables,
    )
}

#[tokio::test]
async fn the_printed_command_creates_a_task_with_the_printed_token() {
    let stack = Stack::start().await;
    let output = stack.running.process.output();
    let (_, printed) = output.split_once("\nexport TOKEN=").unwrap();
    let (commands, _) = printed.split_once("\n\n").unwrap();
    let commands = format!("export TOKEN={commands}");
    let answer = run_in_shell(&stack, &commands, "").stdout_of_success();
    assert!(answer.contains("\"title\":\"Buy milk\""), "{answer}");
}

#[tokio::test]
async fn the_commands_of_curl_create_and_complete_and_delete_a_task() {
    let stack = Stack::start().await;
    let commands = documented(&stack, "First task, with curl");
    let answers = run_in_shell(&stack, &commands, "").stdout_of_success();
    for field in [
        "\"me@example.com\"",
        "\"Buy milk\"",
        "\"completeTime\"",
        "\"deleteTime\"",
    ] {
        assert!(answers.contains(field), "{field}: {answers}");
    }
}

#[tokio::test]
async fn the_commands_of_buf_curl_create_and_complete_and_delete_a_task() {
    let stack = Stack::start().await;
    let output = run_in_shell(&stack, &documented(&stack, "First task, with buf curl"), "");
    let shown = output.stderr.clone();
    let answers = output.stdout_of_success();
    assert!(answers.contains("\"me@example.com\""), "{answers}");
    assert!(shown.contains("\"Buy milk\""), "{shown}");
    assert!(answers.contains("\"Buy milk\""), "{answers}");
    assert!(answers.contains("\"completeTime\""), "{answers}");
    assert!(answers.contains("\"deleteTime\""), "{answers}");
}

#[tokio::test]
async fn the_command_of_curl_creates_a_task_over_grpc_web_with_the_printed_token() {
    let stack = Stack::start().await;
    let commands = documented(&stack, "A task over gRPC-web, with curl");
    let answer = run_in_shell(&stack, &commands, &stack.running.token()).stdout_of_success();
    assert!(answer.contains("Made over gRPC-web"), "{answer}");
    assert!(answer.contains("grpc-status: 0"), "{answer}");
    let refused = run_in_shell(&stack, &commands, "ey").stdout_of_success();
    assert!(refused.contains("grpc-status: 16"), "{refused}");
}

#[tokio::test]
async fn buf_curl_lists_services_methods_and_health() {
    let stack = Stack::start().await;
    let commands = documented(&stack, "What is served, with buf curl");
    let listed = run_in_shell(&stack, &commands, "").stdout_of_success();
    for name in [
        "tandem.auth.v1.AuthService",
        "grpc.health.v1.Health",
        "tandem.task.v1.TaskService/CreateTask",
    ] {
        assert!(listed.lines().any(|line| line == name), "{name}: {listed}");
    }

    let health = documented(&stack, "Health, with buf curl");
    let (other_commands, watch) = health.rsplit_once('\n').unwrap();
    let answers = run_in_shell(&stack, other_commands, "").stdout_of_success();
    assert!(
        answers.contains("\"tandem.task.v1.TaskService\""),
        "{answers}"
    );
    assert!(!answers.contains("NOT_SERVING"), "{answers}");
    assert_watches(&stack, watch).await;
}

/// Runs the command that watches health until it prints the first status.
async fn assert_watches(stack: &Stack, watch: &str) {
    assert!(watch.contains("Health/Watch"), "{watch}");
    let home = stack.folder.text();
    // With `exec`, the process that is killed is the tool and not the shell.
    let watching = Process::spawn(
        "/bin/bash",
        ["-c".to_owned(), format!("exec {watch}")],
        [("PATH", path()), ("HOME", home)],
    );
    watching
        .wait_for_line(TIMEOUT, |line| line.contains("\"SERVING\""))
        .await;
}

#[tokio::test]
async fn the_commands_of_grpcurl_create_and_complete_and_delete_a_task() {
    let stack = Stack::start().await;
    let output = run_in_shell(&stack, &documented(&stack, "First task, with grpcurl"), "");
    let shown = output.stderr.clone();
    let answers = output.stdout_of_success();
    assert!(answers.contains("\"me@example.com\""), "{answers}");
    assert!(shown.contains("\"Buy milk\""), "{shown}");
    for field in ["\"Buy milk\"", "\"completeTime\"", "\"deleteTime\""] {
        assert!(answers.contains(field), "{field}: {answers}");
    }
}

#[tokio::test]
async fn grpcurl_lists_and_describes_services_and_health() {
    let stack = Stack::start().await;
    let commands = documented(&stack, "What is served, with grpcurl");
    let answers = run_in_shell(&stack, &commands, "").stdout_of_success();
    for expected in [
        "tandem.auth.v1.AuthService\n",
        "grpc.health.v1.Health\n",
        "tandem.task.v1.TaskService.CreateTask\n",
        "rpc CreateTask ( .tandem.task.v1.CreateTaskRequest )",
        "message Task {",
    ] {
        assert!(answers.contains(expected), "{expected}: {answers}");
    }

    let health = documented(&stack, "Health, with grpcurl");
    let (other_commands, watch) = health.rsplit_once('\n').unwrap();
    let answers = run_in_shell(&stack, other_commands, "").stdout_of_success();
    assert!(
        answers.contains("\"tandem.task.v1.TaskService\""),
        "{answers}"
    );
    assert!(!answers.contains("NOT_SERVING"), "{answers}");
    assert_watches(&stack, watch).await;
}

#[tokio::test]
async fn grpcurl_shows_the_code_and_the_reason_of_a_refusal() {
    let stack = Stack::start().await;
    let address = stack.addresses().task;
    let refused = |call: &str| {
        let refused = run_in_shell(&stack, &format!("grpcurl -plaintext {call}"), "");
        assert!(!refused.status.success(), "{}", refused.stdout);
        refused.stderr
    };
    let create = format!("{address} tandem.task.v1.TaskService/CreateTask");
    let missing = refused(&create);
    assert!(missing.contains("Code: Unauthenticated"), "{missing}");
    assert!(
        missing.contains("\"reason\":\"TOKEN_MISSING\""),
        "{missing}"
    );
    let token = stack.running.token();
    let invalid = refused(&format!(
        "-H 'authorization: Bearer {token}' -d '{{\"task\": {{\"title\": \"\"}}}}' {create}"
    ));
    assert!(invalid.contains("Code: InvalidArgument"), "{invalid}");
    assert!(
        invalid.contains("\"reason\":\"FIELD_INVALID\""),
        "{invalid}"
    );
    assert!(invalid.contains("\"field\":\"task.title\""), "{invalid}");
    let unknown = refused(&format!(
        "-d '{{\"service\": \"no.such.Service\"}}' {address} grpc.health.v1.Health/Check"
    ));
    assert!(unknown.contains("Code: NotFound"), "{unknown}");
}

/// Every documented command of grpcurl is in a block, which the tests above run.
#[test]
fn no_document_has_another_command_of_grpcurl() {
    let known = blocks(&Addresses::default())
        .into_iter()
        .map(|block| block.commands)
        .collect::<String>();
    let docs = fs::read_dir(workspace().join("docs")).unwrap();
    let mut documents: Vec<_> = docs.map(|entry| entry.unwrap().path()).collect();
    documents.push(workspace().join("README.md"));
    documents.retain(|path| path.extension().is_some_and(|kind| kind == "md"));
    let mut found = 0;
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for line in text.lines().filter(|line| line.contains("grpcurl -")) {
            assert!(known.contains(line), "{}: {line}", document.display());
            found += 1;
        }
    }
    assert!(found > 10, "{found}");
}
