//! A running server and the small process that watches over it.

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
    error::{Doing as _, Error},
    home::Home,
};

/// Starts the server and waits until either it or the owner has ended.
///
/// The owner holds the writing end of a pipe that nobody ever writes to. However the owner ends, the kernel closes that end,
/// and the watcher stops the server: fast first, immediately when that takes longer than `$1` seconds. No other process
/// keeps the pipe open: the owner's end is close-on-exec, and the server gets neither.
const SUPERVISOR: &str = r#"
patience=$1 leftovers=$2
shift 2
exec 3<&0 0</dev/null
"$@" 3<&- &
server=$!
{
  while read -r line; do :; done <&3
  kill -INT "$server"
  while [ "$patience" -gt 0 ] && kill -0 "$server"; do sleep 1; patience=$((patience - 1)); done
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

/// How long a fast shutdown may take before an immediate one, which loses nothing but makes the next start recover.
const FAST_SHUTDOWN: Duration = Duration::from_secs(30);
/// How long the supervisor may take in all.
const STOP: Duration = Duration::from_secs(45);
/// How long a start may take: recovery after a crash replays what was written since the last checkpoint.
const START: Duration = Duration::from_mins(1);
/// How often to look whether the server is ready or gone.
const POLL: Duration = Duration::from_millis(20);
/// How often to look whether a running server has ended.
const LOOK: Duration = Duration::from_millis(200);

/// The supervisor of a server; dropping it stops the server without waiting.
#[derive(Debug)]
pub(crate) struct Server {
    supervisor: Child,
}

impl Server {
    /// Starts the server on the cluster of `home` and waits until it answers at `url`.
    pub(crate) async fn start(
        home: &Home,
        binaries: &Binaries,
        settings: &Settings,
        url: &str,
    ) -> Result<Self, Error> {
        let log = home.open_log()?;
        let said_before = log
            .metadata()
            .doing(|| "reading the server's log".to_owned())?
            .len();
        let supervisor = spawn(home, binaries, settings, log)?;
        let mut server = Self { supervisor };
        match server.ready(url).await {
            Ok(()) => Ok(server),
            Err(reason) => {
                let log = last_lines(&home.log(), said_before);
                let _ = server.stop().await;
                Err(Error::NotReady { reason, log })
            }
        }
    }

    /// Waits until the server answers, or says why it never will.
    async fn ready(&mut self, url: &str) -> Result<(), String> {
        let deadline = Instant::now() + START;
        loop {
            if let Ok(Some(status)) = self.supervisor.try_wait() {
                return Err(format!("the server ended ({status})"));
            }
            let error = match PgConnection::connect(url).await {
                Ok(connection) => {
                    // The server answered; how the goodbye goes says nothing about it.
                    let _ = connection.close().await;
                    return Ok(());
                }
                Err(error) => error,
            };
            if Instant::now() > deadline {
                return Err(format!("no answer within {START:?} ({error})"));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the server ends, and says how it did.
    pub(crate) async fn ended(&mut self) -> String {
        loop {
            match self.supervisor.try_wait() {
                Ok(None) => tokio::time::sleep(LOOK).await,
                Ok(Some(status)) => return status.to_string(),
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Stops the server and waits for it, at most [`STOP`]. `None` when the supervisor has not ended by then.
    pub(crate) async fn stop(mut self) -> Result<Option<ExitStatus>, Error> {
        drop(self.supervisor.stdin.take());
        let deadline = Instant::now() + STOP;
        loop {
            let ended = self
                .supervisor
                .try_wait()
                .doing(|| "waiting for PostgreSQL to stop".to_owned())?;
            if ended.is_some() || Instant::now() > deadline {
                return Ok(ended);
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Starts the supervisor, in a process group of its own so that Ctrl-C at a terminal reaches only the owner, which then
/// finishes its work before it stops the database.
fn spawn(home: &Home, binaries: &Binaries, settings: &Settings, log: File) -> Result<Child, Error> {
    let errors = log
        .try_clone()
        .doing(|| "sharing the server's log".to_owned())?;
    let mut command = home.account.command("/bin/sh");
    command.args([
        "-c",
        SUPERVISOR,
        "tandem-postgres",
        &FAST_SHUTDOWN.as_secs().to_string(),
    ]);
    command.arg(home.leftovers.as_deref().unwrap_or(Path::new("")));
    command
        .arg(binaries.program("postgres"))
        .arg("-D")
        .arg(home.cluster());
    set(&mut command, "listen_addresses", "");
    set(&mut command, "port", "5432");
    set(
        &mut command,
        "unix_socket_directories",
        home.socket
            .to_str()
            .expect("a socket directory is plain ASCII"),
    );
    set(&mut command, "unix_socket_permissions", "0700");
    set(
        &mut command,
        "max_connections",
        &settings.max_connections.to_string(),
    );
    for (name, value) in FIXED {
        set(&mut command, name, value);
    }
    let synced = match settings.durability {
        Durability::Full => "on",
        Durability::Off => "off",
    };
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        set(&mut command, name, synced);
    }
    command
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(errors)
        .process_group(0);
    command.spawn().doing(|| "starting PostgreSQL".to_owned())
}

/// Settings that do not depend on anything. On the command line they outrank every file and ALTER SYSTEM.
const FIXED: [(&str, &str); 4] = [
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    ("log_timezone", "UTC"),
    ("timezone", "UTC"),
];

/// Adds `-c name=value`.
fn set(command: &mut Command, name: &str, value: &str) {
    command.arg("-c").arg(format!("{name}={value}"));
}

/// The last lines the server wrote to its log since `offset` bytes.
fn last_lines(log: &Path, offset: u64) -> String {
    const LINES: usize = 12;
    let mut said = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(offset))?;
        file.take(1024 * 1024).read_to_end(&mut said)
    });
    if let Err(error) = read {
        return format!("({} cannot be read: {error})", log.display());
    }
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<_> = said.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
