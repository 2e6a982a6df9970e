//! Real processes.

use std::{os::unix::process::ExitStatusExt as _, time::Duration};

use testing::Process;

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str, variables: Vec<(&'static str, String)>) -> Process {
    Process::spawn("/bin/sh", ["-c", script], variables)
}

#[tokio::test]
async fn a_process_sees_only_the_environment_it_is_given() {
    let process = shell("env; echo end", vec![("ANSWER", "42".to_owned())]);
    process.wait_for_line(SOON, |line| line == "end").await;
    let output = process.output();
    assert!(output.lines().any(|line| line == "ANSWER=42"), "{output}");
    assert!(
        !output.lines().any(|line| line.starts_with("CARGO")),
        "{output}"
    );
}

#[tokio::test]
async fn lines_of_both_outputs_are_waited_for() {
    let process = shell("echo one; echo two >&2; read -r _", vec![]);
    assert_eq!(
        process
            .wait_for_line(SOON, |line| line.starts_with("tw"))
            .await,
        "two"
    );
    assert_eq!(
        process
            .wait_for_line(SOON, |line| line.starts_with("on"))
            .await,
        "one"
    );
}

#[tokio::test]
#[should_panic(expected = "the output was:\nnothing to see")]
async fn a_process_that_ends_without_the_line_fails_the_test_at_once() {
    let process = shell("echo nothing to see", vec![]);
    process
        .wait_for_line(Duration::from_mins(10), |line| line == "ready")
        .await;
}

#[tokio::test]
async fn a_terminated_process_gives_its_own_code_and_a_killed_one_the_signal() {
    let script = "trap 'exit 3' TERM; echo ready; read -r _";
    let mut process = shell(script, vec![]);
    process.wait_for_line(SOON, |line| line == "ready").await;
    process.terminate();
    assert_eq!(process.ended(SOON).await.code(), Some(3));

    let mut process = shell(script, vec![]);
    process.kill();
    assert_eq!(process.ended(SOON).await.signal(), Some(9));
}
