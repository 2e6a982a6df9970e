//! A real program, started as an operator would start it.

use std::{
    ffi::OsStr,
    fmt,
    io::{BufRead as _, BufReader, Read, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::leaks::{GivenSecrets, leak};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

/// How often to check whether a process has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// How long to wait for the last output of a program that has ended. A child process of it may keep the outputs open.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(2);
/// The same for a program that this process kills.
const KILLED_OUTPUT_TIMEOUT: Duration = Duration::from_millis(500);

/// The settings of the operations ports. Tests run in parallel, so each program gets a free port unless the test sets one.
const OPS: [&str; 3] = [
    "TANDEM_AUTH__OPS__LISTEN",
    "TANDEM_TASK__OPS__LISTEN",
    "TANDEM_GATEWAY__OPS__LISTEN",
];

/// A running program with a clean environment. It is killed when this value is dropped, which fails the test if the output
/// shows a secret ([`crate::leaks`]).
///
/// Its standard input is a pipe that stays open and empty until [`Process::give_input`] or [`Process::close_input`].
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: watch::Receiver<Vec<String>>,
    variables: Vec<(String, String)>,
    given: GivenSecrets,
    errors: Arc<StandardError>,
}

/// The standard error of a program, which a test can stop reading.
#[derive(Default)]
struct StandardError {
    is_stalled: AtomicBool,
    /// The pipe, kept open after that.
    unread: Mutex<Option<Box<dyn Read + Send>>>,
}

impl fmt::Debug for StandardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandardError").finish_non_exhaustive()
    }
}

impl Process {
    /// Starts a program with `variables` as its environment. It inherits only PATH. Its operations ports are free ones.
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
        let errors = Arc::new(StandardError::default());
        collect(
            child.stdout.take().expect("the output is a pipe"),
            Arc::clone(&lines),
            Arc::default(),
        );
        collect(
            child.stderr.take().expect("the output is a pipe"),
            lines,
            Arc::clone(&errors),
        );
        Self {
            child,
            lines: receiver,
            given: secrets(&variables),
            variables,
            errors,
        }
    }

    /// Stops reading its standard error, after the next line, and keeps that pipe open: the log of the program stalls.
    pub fn stall_log(&self) {
        self.errors.is_stalled.store(true, Ordering::Relaxed);
    }

    /// Waits for a line on either output that matches `wanted`, and returns it.
    ///
    /// # Panics
    /// When the program closes its outputs, or the time `within` passes, without such a line.
    pub async fn wait_for_line(&self, within: Duration, wanted: impl Fn(&str) -> bool) -> String {
        let mut lines = self.lines.clone();
        let found = lines.wait_for(|lines| lines.iter().any(|line| wanted(line)));
        if let Ok(Ok(lines)) = tokio::time::timeout(within, found).await {
            return lines
                .iter()
                .find(|line| wanted(line))
                .expect("the line was just found")
                .clone();
        }
        panic!(
            "no such line within {within:?}; the output was:\n{}",
            self.output()
        )
    }

    /// Everything that the program has written to both outputs so far.
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
    /// When it is already closed on either side.
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

    /// Sends SIGTERM, which asks the program to end.
    pub fn terminate(&self) {
        // The child has not been waited for, so its id cannot belong to another process.
        let sent = kill_process(Pid::from_child(&self.child), Signal::TERM);
        sent.unwrap_or_else(|error| panic!("SIGTERM to {}: {error}", self.id()));
    }

    /// Sends SIGKILL, which ends the program at once.
    pub fn kill(&mut self) {
        self.child
            .kill()
            .unwrap_or_else(|error| panic!("SIGKILL to {}: {error}", self.id()));
    }

    /// Waits until both outputs have been read to their ends, at most [`OUTPUT_TIMEOUT`].
    async fn output_read(&self) {
        let mut lines = self.lines.clone();
        let read = async { while lines.changed().await.is_ok() {} };
        // After the timeout, the output read so far is used.
        let _ = tokio::time::timeout(OUTPUT_TIMEOUT, read).await;
    }

    /// Waits for the program to end, and for its last output.
    ///
    /// # Panics
    /// When it has not ended after the time `within`.
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
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail for a program that has already ended, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let deadline = Instant::now() + KILLED_OUTPUT_TIMEOUT;
        while self.lines.has_changed().is_ok() && Instant::now() < deadline {
            thread::sleep(POLL_INTERVAL);
        }
        // Files may have been created or changed since the start.
        let given = secrets(&self.variables).merged(&self.given);
        if let Some(line) = leak(&self.output(), &given)
            && !thread::panicking()
        {
            panic!("the program's output shows a secret: {line}");
        }
    }
}

fn secrets(variables: &[(String, String)]) -> GivenSecrets {
    GivenSecrets::among(variables.iter().map(|one| (one.0.as_str(), one.1.as_str())))
}

/// Collects the lines of an output on its own thread, until the output is closed or stalled.
fn collect(
    output: impl Read + Send + 'static,
    lines: Arc<watch::Sender<Vec<String>>>,
    stall: Arc<StandardError>,
) {
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        for line in output.by_ref().split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line)
                .trim_end_matches('\r')
                .to_owned();
            lines.send_modify(|lines| lines.push(line));
            if stall.is_stalled.load(Ordering::Relaxed) {
                *stall.unread.lock().expect("no holder panics") = Some(Box::new(output));
                break;
            }
        }
    });
}
