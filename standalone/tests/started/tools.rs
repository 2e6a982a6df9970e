//! Programs: our own binaries, and other programs that call them.

use std::{
    io::Read,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use testing::{
    Process,
    leaks::{GivenSecrets, leak},
};

/// How long a program may run. Some start an interpreter or compile the protos.
const PROGRAM_TIMEOUT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent()
        .expect("the crate is in the workspace")
        .to_owned()
}

/// The path of a binary of the workspace. All of them are in one folder.
pub(crate) fn binary(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_standalone")).with_file_name(name);
    assert!(
        path.exists(),
        "{} is not built: run make test",
        path.display()
    );
    path
}

/// The path of a program that `make test` installs and names in this variable.
pub(crate) fn installed(variable: &str) -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are configured only by their environment"
    )]
    let path = std::env::var(variable);
    let path =
        PathBuf::from(path.unwrap_or_else(|_| panic!("{variable} is not set: run make test")));
    assert!(
        path.exists(),
        "{} is missing: run make test",
        path.display()
    );
    path
}

/// What a program wrote, and how it ended.
#[derive(Debug)]
pub(crate) struct ProgramOutput {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl ProgramOutput {
    /// Its standard output, after asserting that it succeeded.
    pub(crate) fn stdout_of_success(self) -> String {
        assert!(
            self.status.success(),
            "{}\n{}\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self.stdout
    }
}

/// Runs a program to its end, in an environment of PATH and `variables`.
pub(crate) fn run(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> ProgramOutput {
    run_within(PROGRAM_TIMEOUT, program, arguments, variables)
}

/// The same with a time of its own.
pub(crate) fn run_within(
    timeout: Duration,
    program: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> ProgramOutput {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let stdout = read(child.stdout.take().unwrap());
    let stderr = read(child.stderr.take().unwrap());
    let deadline = Instant::now() + timeout;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
        }
        thread::sleep(POLL_INTERVAL);
    };
    let output = ProgramOutput {
        status,
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    };
    if program.parent() == binary("standalone").parent() {
        assert_no_secret(&output, variables);
    }
    output
}

/// Asserts that a program of ours shows no secret, and none of those it was given.
fn assert_no_secret(output: &ProgramOutput, variables: &[(&str, &str)]) {
    let given = GivenSecrets::among(variables.iter().copied());
    for text in [&output.stdout, &output.stderr] {
        assert_eq!(leak(text, &given), None, "it shows a secret");
    }
}

fn read(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits until a process has ended. Returns its exit code, if it has one, and everything it wrote.
pub(crate) async fn end_of(mut process: Process, within: Duration) -> (Option<i32>, String) {
    let status = process.ended(within).await;
    (status.code(), process.output())
}

/// A port for a program that does not say which one it was given.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
