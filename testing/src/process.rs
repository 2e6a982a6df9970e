//! A real program, started as an operator would start it.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::leaks::{Given, leak};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

/// How often to look whether a process has ended.
const POLL: Duration = Duration::from_millis(10);
/// How long the last lines of a program that has ended may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long they may take of one that is killed: what it left behind may hold its outputs open.
const LAST_OF_KILLED: Duration = Duration::from_millis(500);

/// Where the operations ports are set: tests run side by side, so each gets a free one unless a test says otherwise.
const OPS: [&str; 3] = [
    "TANDEM_AUTH__OPS__LISTEN",
    "TANDEM_TASK__OPS__LISTEN",
    "TANDEM_GATEWAY__OPS__LISTEN",
];

/// A running program with a clean environment. Killed when dropped, and held to showing no secret ([`crate::leaks`]).
///
/// Its standard input is a pipe that stays open, and empty, until [`Process::close_input`] or the end of this.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: watch::Receiver<Vec<String>>,
    variables: Vec<(String, String)>,
    given: Given,
}

impl Process {
    /// Starts a program that inherits nothing but PATH, and gets `variables`. Operations ports are free ones.
    pub fn spawn<'n, A, V>(program: impl AsRef<Path>, arguments: A, variables: V) -> Self
    where
        A: IntoIterator<Item: AsRef<OsStr>>,
        V: IntoIterator<Item = (&'n str, String)>,
    {
        let program = program.as_ref();
        let owned = |(name, value): (&str, String)| (name.to_owned(), value);
        let variables: Vec<_> = variables.into_iter().map(owned).collect();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(OPS.map(|variable| (variable, "127.0.0.1:0")))
            .envs(variables.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let (lines, receiver) = watch::channel(Vec::new());
        let lines = Arc::new(lines);
        collect(
            child.stdout.take().expect("it was piped"),
            Arc::clone(&lines),
        );
        collect(child.stderr.take().expect("it was piped"), lines);
        Self {
            child,
            lines: receiver,
            given: given(&variables),
            variables,
        }
    }

    /// Waits for a line that `wanted` takes, on either output, and gives it.
    ///
    /// # Panics
    /// When the program has closed its outputs, or `within` has passed, without one.
    pub async fn wait_for_line(&self, within: Duration, wanted: impl Fn(&str) -> bool) -> String {
        let mut lines = self.lines.clone();
        let found = lines.wait_for(|lines| lines.iter().any(|line| wanted(line)));
        if let Ok(Ok(lines)) = tokio::time::timeout(within, found).await {
            return lines
                .iter()
                .find(|line| wanted(line))
                .expect("one was just found")
                .clone();
        }
        panic!(
            "no such line within {within:?}; the output was:\n{}",
            self.output()
        )
    }

    /// All that the program has written so far to both outputs.
    #[must_use]
    pub fn output(&self) -> String {
        self.lines.borrow().join("\n")
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to the program's standard input and closes it.
    ///
    /// # Panics
    /// When it was closed before, or the program has.
    pub fn give_input(&mut self, text: &str) {
        let mut input = self.child.stdin.take().expect("the input is open");
        input
            .write_all(text.as_bytes())
            .unwrap_or_else(|error| panic!("the input of {}: {error}", self.id()));
    }

    /// Closes the program's standard input.
    pub fn close_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Asks the program to end (SIGTERM).
    pub fn terminate(&self) {
        // Not waited for yet, so the id is still its own.
        let sent = kill_process(Pid::from_child(&self.child), Signal::TERM);
        sent.unwrap_or_else(|error| panic!("SIGTERM to {}: {error}", self.id()));
    }

    /// Ends the program at once (SIGKILL).
    pub fn kill(&mut self) {
        self.child
            .kill()
            .unwrap_or_else(|error| panic!("SIGKILL to {}: {error}", self.id()));
    }

    /// Waits until both outputs have been read to their ends; not for long, since a program it left behind may hold them.
    async fn output_read(&self) {
        let mut lines = self.lines.clone();
        let read = async { while lines.changed().await.is_ok() {} };
        // What has come by then is all there is to see.
        let _ = tokio::time::timeout(LAST_WORDS, read).await;
    }

    /// Waits for the program to end, and for the last of its output.
    ///
    /// # Panics
    /// When it has not ended `within` this time.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                self.output_read().await;
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "still running after {within:?}; the output was:\n{}",
                self.output()
            );
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let deadline = Instant::now() + LAST_OF_KILLED;
        while self.lines.has_changed().is_ok() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        // Files may have come or changed since the start.
        let given = given(&self.variables).and(&self.given);
        if let Some(line) = leak(&self.output(), &given)
            && !thread::panicking()
        {
            panic!("the program's output shows a secret: {line}");
        }
    }
}

fn given(variables: &[(String, String)]) -> Given {
    Given::to(variables.iter().map(|one| (one.0.as_str(), one.1.as_str())))
}

/// Collects the lines of an output on a thread of its own, until it is closed.
fn collect(output: impl Read + Send + 'static, lines: Arc<watch::Sender<Vec<String>>>) {
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line)
                .trim_end_matches('\r')
                .to_owned();
            lines.send_modify(|lines| lines.push(line));
        }
    });
}
