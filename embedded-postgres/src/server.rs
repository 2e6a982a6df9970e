//! A running server, and the small supervisor process that stops it when its owner ends.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use sqlx::{Connection as _, PgConnection};

use crate::{
    Durability, Settings,
    binaries::Binaries,
    error::{Error, IoContext as _},
    home::Home,
};

/// Starts the server and waits until either it or the owner has ended.
///
/// The owner holds the writing end of a pipe, and never writes to it. However the owner ends, the kernel closes that end. Then
/// the watcher stops the server by a fast shutdown, and by an immediate one if that takes longer than `$1` seconds. No other
/// process keeps the pipe open: the owner's end is close-on-exec, and the server inherits neither end.
const SUPERVISOR: &str = r#"
timeout=$1 leftovers=$2
shift 2
exec 3<&0 0</dev/null
"$@" 3<&- &
server=$!
{
  while read -r line; do :; done <&3
  kill -INT "$server"
  while [ "$timeout" -gt 0 ] && kill -0 "$server"; do sleep 1; timeout=$((timeout - 1)); done
  kill -QUIT "$server"
} 2>/dev/null &
watcher=$!
exec 3<&-
wait "$server"
code=$?
kill "$watcher" 2>/dev/null
if [ -n "$leftovers" ]; then rm -rf -- "$leftovers"; fi
exit "$code"
"#;

/// How long a fast shutdown may take before an immediate one. An immediate shutdown loses no data, but the next start has to
/// recover it.
const FAST_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the supervisor may take in total.
const STOP_TIMEOUT: Duration = Duration::from_secs(45);
/// How long a start may take. After a crash, recovery replays all writes since the last checkpoint.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// How often to check whether the server is ready or has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How often to check whether a running server has ended.
const EXIT_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The supervisor of a server. Dropping it stops the server, but does not wait for the end.
#[derive(Debug)]
pub(crate) struct SupervisedServer {
    supervisor: Child,
}

impl SupervisedServer {
    /// Starts the server on the cluster of `home`, and waits until it accepts a connection at `url`.
    pub(crate) async fn start(
        home: &Home,
        binaries: &Binaries,
        settings: &Settings,
        url: &str,
    ) -> Result<Self, Error> {
        let log = home.open_log()?;
        let previous_length = log
            .metadata()
            .context(|| "reading the server's log".to_owned())?
            .len();
        let supervisor = spawn(home, binaries, settings, log)?;
        let mut server = Self { supervisor };
        match server.ready(url).await {
            Ok(()) => Ok(server),
            Err(reason) => {
                let log = last_lines(&home.log(), previous_length);
                let _ = server.stop().await;
                Err(Error::NotReady { reason, log })
            }
        }
    }

    /// Waits until the server accepts a connection. Returns the reason if it does not.
    async fn ready(&mut self, url: &str) -> Result<(), String> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Ok(Some(status)) = self.supervisor.try_wait() {
                return Err(format!("the server ended ({status})"));
            }
            let error = match PgConnection::connect(url).await {
                Ok(connection) => {
                    // The server is ready, even if closing this connection fails.
                    let _ = connection.close().await;
                    return Ok(());
                }
                Err(error) => error,
            };
            if Instant::now() > deadline {
                return Err(format!("no answer within {START_TIMEOUT:?} ({error})"));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until the server ends. Returns how it ended.
    pub(crate) async fn ended(&mut self) -> String {
        loop {
            match self.supervisor.try_wait() {
                Ok(None) => tokio::time::sleep(EXIT_POLL_INTERVAL).await,
                Ok(Some(status)) => return status.to_string(),
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Stops the server and waits for it, at most [`STOP_TIMEOUT`]. `None` when the supervisor has not ended by then.
    pub(crate) async fn stop(mut self) -> Result<Option<ExitStatus>, Error> {
        drop(self.supervisor.stdin.take());
        let deadline = Instant::now() + STOP_TIMEOUT;
        loop {
            let ended = self
                .supervisor
                .try_wait()
                .context(|| "waiting for PostgreSQL to stop".to_owned())?;
            if ended.is_some() || Instant::now() > deadline {
                return Ok(ended);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// Starts the supervisor in its own process group. Ctrl-C at a terminal then reaches only the owner, which finishes its work
/// before it stops the database.
fn spawn(home: &Home, binaries: &Binaries, settings: &Settings, log: File) -> Result<Child, Error> {
    let errors = log
        .try_clone()
        .context(|| "sharing the server's log".to_owned())?;
    let mut command = home.account.command("/bin/sh");
    command
        .args(["-c", SUPERVISOR, "tandem-postgres"])
        .arg(FAST_SHUTDOWN_TIMEOUT.as_secs().to_string())
        .arg(home.leftovers.as_deref().unwrap_or(Path::new("")))
        .arg(binaries.program("postgres"))
        .arg("-D")
        .arg(home.cluster());
    configure(&mut command, home, settings);
    command
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(errors)
        .process_group(0);
    command.spawn().context(|| "starting PostgreSQL".to_owned())
}

/// Settings that are the same for every server.
const FIXED: [(&str, &str); 7] = [
    ("listen_addresses", ""),
    ("port", "5432"),
    ("unix_socket_permissions", "0700"),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    ("log_timezone", "UTC"),
    ("timezone", "UTC"),
];

/// Adds all settings. On the command line they take precedence over every file and over `alter system`.
fn configure(command: &mut Command, home: &Home, settings: &Settings) {
    let socket = home.socket.to_str();
    let socket = socket.expect("a socket directory is plain ASCII");
    set(command, "unix_socket_directories", socket);
    let connections = settings.max_connections.to_string();
    set(command, "max_connections", &connections);
    for (name, value) in FIXED {
        set(command, name, value);
    }
    let synced = match settings.durability {
        Durability::Full => "on",
        Durability::Off => "off",
    };
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        set(command, name, synced);
    }
}

/// Adds `-c name=value`.
fn set(command: &mut Command, name: &str, value: &str) {
    command.arg("-c").arg(format!("{name}={value}"));
}

/// The last lines that the server wrote to its log after `offset` bytes.
fn last_lines(log: &Path, offset: u64) -> String {
    const LINES: usize = 12;
    let mut written = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(offset))?;
        file.take(1024 * 1024).read_to_end(&mut written)
    });
    if let Err(error) = read {
        return format!("({} cannot be read: {error})", log.display());
    }
    let written = String::from_utf8_lossy(&written);
    let lines: Vec<_> = written.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
