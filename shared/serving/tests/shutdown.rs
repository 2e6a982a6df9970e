//! A process of its own receives the signals: this file starts itself again as the one that is told to stop.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Argument that makes this program the process under test.
const UNDER_TEST: &str = "be-told-to-stop";

fn main() {
    if std::env::args().any(|argument| argument == UNDER_TEST) {
        wait_to_be_told();
        return;
    }
    the_first_signal_ends_the_wait_and_the_second_the_process(Signal::TERM, Signal::TERM, 143);
    the_first_signal_ends_the_wait_and_the_second_the_process(Signal::INT, Signal::INT, 130);
    the_first_signal_ends_the_wait_and_the_second_the_process(Signal::INT, Signal::TERM, 143);
}

/// Says on standard output how far it got, then never ends by itself, with its only runtime thread stuck.
#[expect(clippy::print_stdout, reason = "the parent process reads it")]
fn wait_to_be_told() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let told = serving::shutdown::on_signal();
    println!("ready");
    runtime.block_on(async {
        told.await;
        println!("told");
        loop {
            std::thread::park();
        }
    });
}

fn the_first_signal_ends_the_wait_and_the_second_the_process(
    first: Signal,
    second: Signal,
    code: i32,
) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .arg(UNDER_TEST)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
    expect_line(&mut said, "ready");
    send(&process, first);
    expect_line(&mut said, "told");
    send(&process, second);
    assert_eq!(process.wait().unwrap().code(), Some(code));
}

fn expect_line(said: &mut Lines<BufReader<ChildStdout>>, line: &str) {
    assert_eq!(said.next().map(Result::unwrap).as_deref(), Some(line));
}

fn send(process: &Child, signal: Signal) {
    kill_process(Pid::from_child(process), signal).unwrap();
}
