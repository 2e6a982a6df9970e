//! Stops the PostgreSQL processes of a data directory whose owner has died.
//!
//! The caller holds the lock of the directory, so no living process owns them: either the supervisor is still stopping them,
//! or it died too. PostgreSQL replaces a stale `postmaster.pid` by itself, unless the pid now belongs to another process, which
//! PostgreSQL would take for a server. Such a file is removed here.

use std::{
    fs, io,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::error::{Error, IoContext as _};

/// Long enough to write everything in memory to a slow disk.
const FAST_SHUTDOWN_TIMEOUT: Duration = Duration::from_mins(1);
/// An immediate shutdown writes nothing.
const IMMEDIATE_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// How often to check whether a process has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Stops every PostgreSQL process that works on `cluster`: first by a fast shutdown, then by an immediate one, then by SIGKILL.
pub(crate) async fn stop(cluster: &Path) -> Result<(), Error> {
    if let Some(postmaster) = postmaster(cluster) {
        tracing::info!(
            pid = postmaster.as_raw_nonzero().get(),
            "stopping an orphaned PostgreSQL, whose owner has died"
        );
        for (signal, timeout) in [
            (Signal::INT, FAST_SHUTDOWN_TIMEOUT),
            (Signal::QUIT, IMMEDIATE_SHUTDOWN_TIMEOUT),
        ] {
            send(postmaster, signal)?;
            if has_ended(postmaster, cluster, timeout).await {
                break;
            }
        }
    }
    // Backends whose postmaster was killed end by themselves, but not while a statement runs. Until then they keep its shared
    // memory in use.
    for pid in working_on(cluster) {
        for signal in [Signal::QUIT, Signal::KILL] {
            send(pid, signal)?;
            if has_ended(pid, cluster, IMMEDIATE_SHUTDOWN_TIMEOUT).await {
                break;
            }
        }
    }
    discard_reused_pid(cluster)?;
    match working_on(cluster).first() {
        None => Ok(()),
        Some(pid) => Err(Error::Orphan {
            data: cluster.to_owned(),
            pid: pid.as_raw_nonzero().get(),
            waited: FAST_SHUTDOWN_TIMEOUT + IMMEDIATE_SHUTDOWN_TIMEOUT,
        }),
    }
}

/// The running postmaster of `cluster`, if there is one: the process named in its file, if it works on the cluster.
fn postmaster(cluster: &Path) -> Option<Pid> {
    named(cluster).filter(|pid| works_on(*pid, cluster))
}

/// The process that `postmaster.pid` names.
fn named(cluster: &Path) -> Option<Pid> {
    let file = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    Pid::from_raw(file.lines().next()?.trim().parse().ok()?)
}

/// Every process whose working directory is `cluster`. PostgreSQL changes into its data directory and stays there.
fn working_on(cluster: &Path) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else {
        // Without /proc only the postmaster can be found.
        return postmaster(cluster).into_iter().collect();
    };
    let pids = processes
        .flatten()
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(|pid| works_on(*pid, cluster) && is_postgres(*pid))
        .collect()
}

/// Whether a process runs and works on `cluster`.
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

/// Whether a process is a PostgreSQL server, and not, for example, a shell whose working directory is the cluster.
fn is_postgres(pid: Pid) -> bool {
    let name = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()));
    name.is_ok_and(|name| name.trim_end() == "postgres")
}

/// Sends a signal. A process that has already ended is no error.
fn send(pid: Pid, signal: Signal) -> Result<(), Error> {
    match kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(errno) => Err(io::Error::from(errno))
            .context(|| format!("stopping process {}", pid.as_raw_nonzero())),
    }
}

/// Waits for a process to end. Whether it has ended within the timeout.
async fn has_ended(pid: Pid, cluster: &Path, timeout: Duration) -> bool {
    let deadline = Instant::now() + timeout;
    while works_on(pid, cluster) {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    true
}

/// After a reboot, the pid in `postmaster.pid` may belong to any other process, and PostgreSQL would refuse to start.
fn discard_reused_pid(cluster: &Path) -> Result<(), Error> {
    let reused =
        named(cluster).is_some_and(|pid| test_kill_process(pid).is_ok() && !works_on(pid, cluster));
    if !reused || !working_on(cluster).is_empty() {
        return Ok(());
    }
    fs::remove_file(cluster.join("postmaster.pid"))
        .context(|| "removing a stale postmaster.pid".to_owned())
}
