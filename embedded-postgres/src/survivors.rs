//! Ends what an owner that died left running on a data directory.
//!
//! Called with the lock of the directory held, so nobody who lives owns these processes: either the supervisor is still
//! stopping them, or it died too. A stale `postmaster.pid` is left to Postgres, which replaces it, unless its number has
//! since gone to another process, which Postgres cannot tell from a server.

use std::{
    fs, io,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::error::{Doing as _, Error};

/// For a checkpoint of everything in memory on a slow disk.
const FAST_SHUTDOWN: Duration = Duration::from_mins(1);
/// Ending at once takes no disk.
const IMMEDIATE_SHUTDOWN: Duration = Duration::from_secs(10);
/// How often to look whether a process is still there.
const POLL: Duration = Duration::from_millis(20);

/// Ends every Postgres process that works on `cluster`, gently first: fast shutdown, immediate shutdown, then the kernel.
pub(crate) async fn end(cluster: &Path) -> Result<(), Error> {
    if let Some(postmaster) = postmaster(cluster) {
        tracing::info!(
            pid = postmaster.as_raw_nonzero().get(),
            "stopping the PostgreSQL that a dead owner left"
        );
        for (signal, patience) in [
            (Signal::INT, FAST_SHUTDOWN),
            (Signal::QUIT, IMMEDIATE_SHUTDOWN),
        ] {
            send(postmaster, signal)?;
            if gone(postmaster, cluster, patience).await {
                break;
            }
        }
    }
    // Backends whose postmaster was killed end by themselves, but not while a statement runs; they keep its memory in use.
    for pid in working_on(cluster) {
        for signal in [Signal::QUIT, Signal::KILL] {
            send(pid, signal)?;
            if gone(pid, cluster, IMMEDIATE_SHUTDOWN).await {
                break;
            }
        }
    }
    discard_reused_pid(cluster)?;
    match working_on(cluster).first() {
        None => Ok(()),
        Some(pid) => Err(Error::Survivor {
            data: cluster.to_owned(),
            pid: pid.as_raw_nonzero().get(),
            waited: FAST_SHUTDOWN + IMMEDIATE_SHUTDOWN,
        }),
    }
}

/// The living postmaster of `cluster`, if there is one: the process named in its file, and really working there.
fn postmaster(cluster: &Path) -> Option<Pid> {
    named(cluster).filter(|pid| works_on(*pid, cluster))
}

/// The process that `postmaster.pid` names.
fn named(cluster: &Path) -> Option<Pid> {
    let file = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    Pid::from_raw(file.lines().next()?.trim().parse().ok()?)
}

/// Every process whose working directory is `cluster`: Postgres changes into its data directory and stays there.
fn working_on(cluster: &Path) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else {
        // Without /proc only the postmaster can be told.
        return postmaster(cluster).into_iter().collect();
    };
    let pids = processes
        .flatten()
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(|pid| works_on(*pid, cluster) && is_postgres(*pid))
        .collect()
}

/// Whether a process lives and works on `cluster`.
fn works_on(pid: Pid, cluster: &Path) -> bool {
    let id = pid.as_raw_nonzero();
    if Path::new("/proc/self/cwd").exists() {
        return fs::read_link(format!("/proc/{id}/cwd"))
            .is_ok_and(|directory| directory == cluster);
    }
    let arguments = Command::new("ps")
        .args(["-o", "args=", "-p", &id.to_string()])
        .output();
    let cluster = cluster.as_os_str().as_encoded_bytes();
    arguments.is_ok_and(|output| {
        output
            .stdout
            .windows(cluster.len())
            .any(|part| part == cluster)
    })
}

/// Whether a process runs the server, not a person's shell that happens to stand in its directory.
fn is_postgres(pid: Pid) -> bool {
    let name = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()));
    name.is_ok_and(|name| name.trim_end() == "postgres")
}

/// Sends a signal; a process that has already ended is fine.
fn send(pid: Pid, signal: Signal) -> Result<(), Error> {
    match kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(errno) => {
            Err(io::Error::from(errno)).doing(|| format!("ending process {}", pid.as_raw_nonzero()))
        }
    }
}

/// Waits for a process to end.
async fn gone(pid: Pid, cluster: &Path, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while works_on(pid, cluster) {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
    true
}

/// After a reboot the number in `postmaster.pid` may be that of any other process, and Postgres would refuse to start.
fn discard_reused_pid(cluster: &Path) -> Result<(), Error> {
    let reused =
        named(cluster).is_some_and(|pid| test_kill_process(pid).is_ok() && !works_on(pid, cluster));
    if !reused || !working_on(cluster).is_empty() {
        return Ok(());
    }
    fs::remove_file(cluster.join("postmaster.pid"))
        .doing(|| "removing a stale postmaster.pid".to_owned())
}
