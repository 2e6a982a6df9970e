//! The printed commands, run in a shell unchanged.

use std::{path::Path, time::Duration};

use standalone::next_steps::blocks;
use testing::Process;

use crate::{
    stack::Stack,
    tools::{ProgramOutput, installed, run},
};

const TIMEOUT: Duration = Duration::from_secs(20);

/// The commands under a title that was printed.
fn printed(stack: &Stack, title: &str) -> String {
    let block = blocks(&stack.addresses())
        .into_iter()
        .find(|block| block.title == title)
        .unwrap_or_else(|| panic!("no block {title}"));
    let output = stack.running.process.output();
    // Log lines are on the other output, and can come between any two lines.
    let for_the_user = output.lines().filter(|line| !line.starts_with('{'));
    let printed = for_the_user.collect::<Vec<_>>().join("\n");
    assert!(printed.contains(&block.commands), "{output}");
    block.commands
}

/// PATH with the folder of buf.
fn path() -> String {
    let buf = installed("TEST_BUF");
    let path = std::env::var_os("PATH").unwrap_or_default();
    format!("{}:{}", buf.parent().unwrap().display(), path.display())
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
async fn the_commands_of_buf_curl_create_and_complete_and_delete_a_task() {
    let stack = Stack::start().await;
    let output = run_in_shell(&stack, &printed(&stack, "First task, with buf curl"), "");
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
    let commands = printed(&stack, "A task over gRPC-web, with curl");
    let answer = run_in_shell(&stack, &commands, &stack.running.token()).stdout_of_success();
    assert!(answer.contains("Made over gRPC-web"), "{answer}");
    assert!(answer.contains("grpc-status: 0"), "{answer}");
    let refused = run_in_shell(&stack, &commands, "ey").stdout_of_success();
    assert!(refused.contains("grpc-status: 16"), "{refused}");
}

#[tokio::test]
async fn buf_curl_lists_services_methods_and_health() {
    let stack = Stack::start().await;
    let commands = printed(&stack, "What is served, with buf curl");
    let listed = run_in_shell(&stack, &commands, "").stdout_of_success();
    for name in [
        "tandem.auth.v1.AuthService",
        "grpc.health.v1.Health",
        "tandem.task.v1.TaskService/CreateTask",
    ] {
        assert!(listed.lines().any(|line| line == name), "{name}: {listed}");
    }

    let health = printed(&stack, "Health, with buf curl");
    let (other_commands, watch) = health.rsplit_once('\n').unwrap();
    let answers = run_in_shell(&stack, other_commands, "").stdout_of_success();
    assert!(
        answers.contains("\"tandem.task.v1.TaskService\""),
        "{answers}"
    );
    assert!(!answers.contains("NOT_SERVING"), "{answers}");
    assert!(watch.contains("Health/Watch"), "{watch}");
    let home = stack.folder.text();
    // With `exec`, the process that is killed is buf and not the shell.
    let watching = Process::spawn(
        "/bin/bash",
        ["-c".to_owned(), format!("exec {watch}")],
        [("PATH", path()), ("HOME", home)],
    );
    watching
        .wait_for_line(TIMEOUT, |line| line.contains("\"SERVING\""))
        .await;
}

/// grpcurl is not installed for the tests. Its commands must make the same calls as those of buf curl, which are tested.
#[tokio::test]
async fn the_commands_of_grpcurl_make_the_same_calls_as_those_of_buf_curl() {
    let pairs = [
        ("First task, with grpcurl", "First task, with buf curl"),
        ("Health, with grpcurl", "Health, with buf curl"),
    ];
    let blocks = blocks(&standalone::next_steps::Addresses::default());
    let commands = |title| {
        let block = blocks.iter().find(|block| block.title == title);
        block.unwrap().commands.clone()
    };
    for (grpcurl, buf) in pairs {
        let calls = commands(buf)
            .replace(
                "buf curl --protocol grpc --http2-prior-knowledge",
                "grpcurl -plaintext",
            )
            .replace("' http://127.0.0.1:50051/", "' 127.0.0.1:50051 ")
            .replace("' http://127.0.0.1:50052/", "' 127.0.0.1:50052 ");
        assert_eq!(commands(grpcurl), calls);
    }
}
