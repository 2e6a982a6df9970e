//! Programs: our own binaries, and those of others that call them.

use std::{
    fs::{self, DirBuilder, Permissions},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io::Read,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use testing::{
    Process,
    leaks::{Given, leak},
};

/// How long a client may take: it starts an interpreter or a compiler of protos.
const LONGEST: Duration = Duration::from_mins(1);
/// How long a database may take to end when its owner was killed.
const ENDING: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// The folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent()
        .expect("the crate is in the workspace")
        .to_owned()
}

/// A binary of the workspace; those of other crates are beside our own.
pub(crate) fn binary(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_standalone")).with_file_name(name);
    assert!(
        path.exists(),
        "{} is not built: run make test",
        path.display()
    );
    path
}

/// A program that `make test` fetches and names.
pub(crate) fn fetched(variable: &str) -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests have no configuration but their environment"
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

/// A folder of a test, which every account may pass through; removed with it.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let random = RandomState::new().build_hasher().finish();
        let path = std::env::temp_dir().join(format!("tandem-test-{random:016x}"));
        DirBuilder::new().mode(0o700).create(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o711)).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn text(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The PostgreSQL of a process that was killed takes a moment to end, and writes until then.
        let deadline = Instant::now() + ENDING;
        while fs::remove_dir_all(&self.0).is_err() && self.0.exists() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
    }
}

/// What a program wrote and how it ended.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Told {
    /// What it wrote, if it says that all went well.
    pub(crate) fn well(self) -> String {
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

/// Runs a program to its end, in a clean environment with PATH and `variables`.
pub(crate) fn run(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Told {
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
    let deadline = Instant::now() + LONGEST;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
        }
        thread::sleep(POLL);
    };
    let told = Told {
        status,
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    };
    if program.parent() == binary("standalone").parent() {
        assert_silent(&told, variables);
    }
    told
}

/// Holds a program of ours to showing no secret, neither one that it was given.
fn assert_silent(told: &Told, variables: &[(&str, &str)]) {
    let given = Given::to(variables.iter().copied());
    for output in [&told.stdout, &told.stderr] {
        assert_eq!(leak(output, &given), None, "it shows a secret");
    }
}

fn read(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits until a program that was started has ended, and gives its exit code and all it wrote.
pub(crate) async fn end_of(mut process: Process, within: Duration) -> (Option<i32>, String) {
    let status = process.ended(within).await;
    (status.code(), process.output())
}
