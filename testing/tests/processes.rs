//! Starting, watching and ending real processes.

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
async fn waiting_for_a_line_reads_both_outputs() {
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
async fn a_terminated_process_ends_with_its_own_code_and_a_killed_one_with_the_signal() {
    let script = "trap 'exit 3' TERM; echo ready; read -r _";
    let mut process = shell(script, vec![]);
    process.wait_for_line(SOON, |line| line == "ready").await;
    process.terminate();
    assert_eq!(process.ended(SOON).await.code(), Some(3));

    let mut process = shell(script, vec![]);
    process.kill();
    assert_eq!(process.ended(SOON).await.signal(), Some(9));
}

#[tokio::test]
#[should_panic(
    expected = "the program's output shows a secret: joined as q8Jx0f2Zs7mVb4Kt1LrYp6WnHc3Dg5Ea"
)]
async fn a_process_that_shows_a_secret_it_was_given_fails_the_test() {
    let secret = "q8Jx0f2Zs7mVb4Kt1LrYp6WnHc3Dg5Ea".to_owned();
    let script = "echo joined as $TANDEM_TASK__SERVICE_SECRET >&2";
    let mut process = shell(script, vec![("TANDEM_TASK__SERVICE_SECRET", secret)]);
    process.ended(SOON).await;
}

#[tokio::test]
#[should_panic(expected = "the program's output shows a secret: to open sesame@db")]
async fn a_process_that_shows_a_password_from_a_file_fails_the_test() {
    let file = std::env::temp_dir().join(format!("url-{}", std::process::id()));
    std::fs::write(&file, "postgres://u:open%20sesame@db/x\n").unwrap();
    let named = vec![("DATABASE_URL_FILE", file.display().to_string())];
    let mut process = shell("echo to open sesame@db", named);
    process.ended(SOON).await;
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
#[should_panic(expected = "the program's output shows a secret: hello swordfish-of-mine")]
async fn a_process_that_shows_a_forbidden_value_fails_the_test() {
    testing::leaks::forbid("swordfish-of-mine");
    let mut process = shell("read -r name; echo hello $name", vec![]);
    process.give_input("swordfish-of-mine\n");
    process.ended(SOON).await;
}

#[tokio::test]
async fn a_process_may_show_other_settings() {
    let script = "echo serving on $TANDEM_AUTH__LISTEN, keys ${#TANDEM_AUTH__REFRESH_KEYS}";
    let variables = vec![
        ("TANDEM_AUTH__LISTEN", "127.0.0.1:50051".to_owned()),
        (
            "TANDEM_AUTH__REFRESH_KEYS",
            "1:a key that is kept".to_owned(),
        ),
    ];
    let mut process = shell(script, variables);
    process.ended(SOON).await;
    assert_eq!(process.output(), "serving on 127.0.0.1:50051, keys 20");
}
