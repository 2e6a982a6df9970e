//! The program with an invalid configuration, with a valid one, and on a signal.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// The program with only these variables, in a folder without settings files.
fn program(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

#[test]
fn every_problem_of_a_configuration_is_printed_and_the_exit_code_is_78() {
    let invalid = [
        ("TANDEM_GATEWAY__LISTEN", "nowhere"),
        ("TANDEM_GATEWAY__AUTH_UPSTREAM", "https://127.0.0.1:50051"),
        (
            "TANDEM_GATEWAY__TASK_UPSTREAM",
            "http://127.0.0.1:50052/base",
        ),
        ("TANDEM_GATEWAY__CORS_ORIGINS", "https://app.example.com,*"),
        ("TANDEM_GATEWAY__REQUEST_LIMIT", "2097153"),
        ("TANDEM_GATEWAY__DEADLINE", "soon"),
        ("TANDEM_GATEWAY__MAX_CONNECTIONS", "0"),
        ("TANDEM_GATEWAY__COLOUR", "blue"),
    ];
    for arguments in [["check-config"].as_slice(), &["serve"], &[]] {
        let output = program(arguments, &invalid).output().unwrap();
        assert_eq!(output.status.code(), Some(78));
        let errors = String::from_utf8(output.stderr).unwrap();
        for (name, _) in invalid {
            let key = name
                .strip_prefix("TANDEM_")
                .unwrap()
                .to_lowercase()
                .replace("__", ".");
            assert!(errors.contains(&key), "{key} is missing in: {errors}");
        }
    }
}

#[test]
fn the_check_prints_nothing_for_a_valid_configuration() {
    let output = program(&["check-config"], &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty() && output.stdout.is_empty());
}

#[test]
fn it_serves_until_sigterm_and_then_exits_with_success() {
    let variables = [
        ("TANDEM_GATEWAY__LISTEN", "127.0.0.1:0"),
        ("TANDEM_GATEWAY__OPS__LISTEN", "127.0.0.1:0"),
        ("TANDEM_LOG__FORMAT", "json"),
    ];
    let mut process = program(&[], &variables)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
    let line = log
        .by_ref()
        .map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap())
        .find(|line| line["message"] == "listening")
        .unwrap();

    let mut stream = TcpStream::connect(line["address"].as_str().unwrap()).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(0));
}
