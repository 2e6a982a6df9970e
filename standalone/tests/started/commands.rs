//! The printed commands, pasted into a shell as they stand.

use std::{path::Path, time::Duration};

use standalone::next_steps::blocks;
use testing::Process;

use crate::{
    stack::Stack,
    tools::{Told, fetched, run},
};

const SOON: Duration = Duration::from_secs(20);

/// The commands under a printed title.
fn printed(stack: &Stack, title: &str) -> String {
    let block = blocks(&stack.addresses())
        .into_iter()
        .find(|block| block.title == title)
        .unwrap_or_else(|| panic!("no block {title}"));
    let output = stack.running.process.output();
    // Log lines come on the other output, at any moment.
    let of_a_person = output.lines().filter(|line| !line.starts_with('{'));
    let printed = of_a_person.collect::<Vec<_>>().join("\n");
    assert!(printed.contains(&block.commands), "{output}");
    block.commands
}

/// PATH with buf on it.
fn path() -> String {
    let buf = fetched("TEST_BUF");
    let path = std::env::var_os("PATH").unwrap_or_default();
    format!("{}:{}", buf.parent().unwrap().display(), path.display())
}

fn paste(stack: &Stack, commands: &str, token: &str) -> Told {
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
async fn the_commands_of_buf_curl_make_a_first_task_and_see_it_through() {
    let stack = Stack::start().await;
    let told = paste(&stack, &printed(&stack, "First task, with buf curl"), "");
    let shown = told.stderr.clone();
    let answers = told.well();
    assert!(answers.contains("\"me@example.com\""), "{answers}");
    assert!(shown.contains("\"Buy milk\""), "{shown}");
    assert!(answers.contains("\"Buy milk\""), "{answers}");
    assert!(answers.contains("\"completeTime\""), "{answers}");
    assert!(answers.contains("\"deleteTime\""), "{answers}");
}

#[tokio::test]
async fn the_call_of_curl_makes_a_task_over_grpc_web_with_the_printed_token() {
    let stack = Stack::start().await;
    let commands = printed(&stack, "A task over gRPC-web, with curl");
    let answer = paste(&stack, &commands, &stack.running.token()).well();
    assert!(answer.contains("Made over gRPC-web"), "{answer}");
    assert!(answer.contains("grpc-status: 0"), "{answer}");
    let refused = paste(&stack, &commands, "ey").well();
    assert!(refused.contains("grpc-status: 16"), "{refused}");
}

#[tokio::test]
async fn buf_curl_lists_services_methods_and_health() {
    let stack = Stack::start().await;
    let commands = printed(&stack, "What is served, with buf curl");
    let listed = paste(&stack, &commands, "").well();
    for name in [
        "tandem.auth.v1.AuthService",
        "grpc.health.v1.Health",
        "tandem.task.v1.TaskService/CreateTask",
    ] {
        assert!(listed.lines().any(|line| line == name), "{name}: {listed}");
    }

    let health = printed(&stack, "Health, with buf curl");
    let (ending, watch) = health.rsplit_once('\n').unwrap();
    let answers = paste(&stack, ending, "").well();
    assert!(
        answers.contains("\"tandem.task.v1.TaskService\""),
        "{answers}"
    );
    assert!(!answers.contains("NOT_SERVING"), "{answers}");
    assert!(watch.contains("Health/Watch"), "{watch}");
    let home = stack.folder.text();
    // `exec`: what is killed is buf itself.
    let watching = Process::spawn(
        "/bin/bash",
        ["-c".to_owned(), format!("exec {watch}")],
        [("PATH", path()), ("HOME", home)],
    );
    watching
        .wait_for_line(SOON, |line| line.contains("\"SERVING\""))
        .await;
}

/// grpcurl is not among the fetched tools, so its commands are held to be the calls that buf curl was seen to make.
#[tokio::test]
async fn the_commands_of_grpcurl_are_the_calls_of_buf_curl() {
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
