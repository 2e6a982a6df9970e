//! Replicas of each process, on ports that stay the same after a restart.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use testing::Process;

/// How long a start may take until the process is ready, on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a stop may take. Running calls get 25 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// The kinds of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServiceKind {
    Auth,
    Task,
    Gateway,
}

impl ServiceKind {
    pub(crate) const ALL: [Self; 3] = [Self::Auth, Self::Task, Self::Gateway];

    fn binary(self) -> PathBuf {
        let name = match self {
            Self::Auth => "auth-service",
            Self::Task => "task-service",
            Self::Gateway => "gateway",
        };
        let path = Path::new(env!("CARGO_BIN_EXE_standalone")).with_file_name(name);
        assert!(path.exists(), "{name} is not built: run make test");
        path
    }

    /// Whether this log line says that the process accepts calls.
    fn is_ready(self, line: &str) -> bool {
        match self {
            Self::Auth | Self::Task => line.contains("\"ready\""),
            Self::Gateway => line.contains("\"listening\""),
        }
    }
}

/// A process that can be restarted at the same address.
#[derive(Debug)]
pub(crate) struct RestartableProcess {
    kind: ServiceKind,
    pub(crate) address: String,
    variables: Vec<(&'static str, String)>,
    process: Process,
}

impl RestartableProcess {
    pub(crate) async fn start(
        kind: ServiceKind,
        on: u16,
        mut variables: Vec<(&'static str, String)>,
    ) -> Self {
        let address = format!("127.0.0.1:{on}");
        let listen = match kind {
            ServiceKind::Auth => "TANDEM_AUTH__LISTEN",
            ServiceKind::Task => "TANDEM_TASK__LISTEN",
            ServiceKind::Gateway => "TANDEM_GATEWAY__LISTEN",
        };
        variables.push((listen, address.clone()));
        variables.push(("TANDEM_LOG__FORMAT", "json".to_owned()));
        let process = Process::spawn(kind.binary(), ["serve"], variables.clone());
        let replica = Self {
            kind,
            address,
            variables,
            process,
        };
        replica.ready().await;
        replica
    }

    async fn ready(&self) {
        let ready = |line: &str| self.kind.is_ready(line);
        self.process.wait_for_line(START_TIMEOUT, ready).await;
    }

    /// Sends SIGTERM, waits for the end, starts it again, and waits until it has answered a call. An orchestrator does the same
    /// before it restarts the next replica.
    pub(crate) async fn restart(&mut self) {
        self.process.terminate();
        let ended = self.process.ended(STOP_TIMEOUT).await;
        assert!(ended.success(), "{}", self.process.output());
        self.process = Process::spawn(self.kind.binary(), ["serve"], self.variables.clone());
        self.ready().await;
        // Pages keep their connection to the other gateway, so this one may get no call.
        if self.kind != ServiceKind::Gateway {
            let called = |line: &str| line.contains("\"access\"");
            self.process.wait_for_line(START_TIMEOUT, called).await;
        }
    }
}

/// 32 bytes in base64, different for each number.
fn key(number: u8) -> String {
    let tail = char::from(b'A' + number);
    format!("2pTw0Lb1hPZmYdJx6nS8vKqRk5cE3fGyA9uWzB7o{tail}tM=")
}

/// A free port outside the range from which the system assigns ports, so that it is still free after a restart.
pub(crate) fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 16_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (0..1000)
        .map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed))
        .find(free)
        .expect("one of a thousand ports is free")
}

/// The variables of an auth service.
pub(crate) fn auth(database: &str) -> Vec<(&'static str, String)> {
    vec![
        ("TANDEM_AUTH__DATABASE__URL", database.to_owned()),
        ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", format!("1:{}", key(1))),
        ("TANDEM_AUTH__REFRESH_KEYS", format!("1:{}", key(2))),
        ("TANDEM_AUTH__SERVICE_SECRETS", key(4)),
        // The load uses the same tokens during its whole run.
        ("TANDEM_AUTH__ACCESS_TTL", "1h".to_owned()),
        ("TANDEM_AUTH__HASH__MEMORY_KIB", "1024".to_owned()),
    ]
}

/// The variables of a task service that uses these auth services.
pub(crate) fn task(database: &str, auth: &[String]) -> Vec<(&'static str, String)> {
    vec![
        ("TANDEM_TASK__DATABASE__URL", database.to_owned()),
        ("TANDEM_TASK__PAGE_TOKEN_KEY", key(3)),
        ("TANDEM_TASK__SERVICE_SECRET", key(4)),
        ("TANDEM_TASK__AUTH_UPSTREAM", urls(auth)),
        ("TANDEM_TASK__QUOTA", "1000000".to_owned()),
    ]
}

/// The variables of a gateway that forwards to these services.
pub(crate) fn gateway(auth: &[String], task: &[String]) -> Vec<(&'static str, String)> {
    vec![
        ("TANDEM_GATEWAY__AUTH_UPSTREAM", urls(auth)),
        ("TANDEM_GATEWAY__TASK_UPSTREAM", urls(task)),
    ]
}

fn urls(addresses: &[String]) -> String {
    let urls: Vec<_> = addresses
        .iter()
        .map(|one| format!("http://{one}"))
        .collect();
    urls.join(",")
}
