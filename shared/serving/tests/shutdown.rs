//! The signals that stop a process. This program starts itself again as the process that receives them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// The argument that makes this program the process under test.
const UNDER_TEST: &str = "wait-for-signals";

fn main() {
    if std::env::args().any(|argument| argument == UNDER_TEST) {
        wait_for_signals();
        return;
    }
    the_first_signal_ends_the_wait_and_the_second_the_process(Signal::TERM, Signal::TERM, 143);
    the_first_signal_ends_the_wait_and_the_second_the_process(Signal::INT, Signal::INT, 130);
    the_first_signal_ends_the_wait_and_the_second_the_process(Signal::INT, Signal::TERM, 143);
}

/// Prints its progress, then never ends by itself: its only runtime thread is stuck.
#[expect(clippy::print_stdout, reason = "the parent process reads it")]
fn wait_for_signals() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let stop = serving::shutdown::on_signal();
    println!("ready");
    runtime.block_on(async {
        stop.await;
        println!("stopping");
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
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    expect_line(&mut output, "ready");
    send(&process, first);
    expect_line(&mut output, "stopping");
    send(&process, second);
    assert_eq!(process.wait().unwrap().code(), Some(code));
}

fn expect_line(output: &mut Lines<BufReader<ChildStdout>>, line: &str) {
    assert_eq!(output.next().map(Result::unwrap).as_deref(), Some(line));
}

fn send(process: &Child, signal: Signal) {
    kill_process(Pid::from_child(process), signal).unwrap();
}
