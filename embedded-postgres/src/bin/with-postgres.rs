//! Runs a command with a private PostgreSQL, and exits with the command's exit code.
//!
//! `with-postgres [--durable] [--directory DIR] [--binaries DIR] -- COMMAND…`: the variable
//! `TEST_POSTGRES` of the command holds the URL of the database `postgres`. The data is removed afterwards, unless
//! `--directory` names a directory for it, which is always durable. With `--durable` each commit waits for the disk, as
//! measurements need it. `--binaries` names the folder of the PostgreSQL to use.

use std::{
    env,
    ffi::OsString,
    io,
    os::unix::process::ExitStatusExt as _,
    process::{Command, ExitCode, ExitStatus},
};

use embedded_postgres::{Durability, EmbeddedPostgres, Settings};
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

/// Wrong arguments (sysexits.h, `EX_USAGE`).
const USAGE: u8 = 64;
/// No server could be started (sysexits.h, `EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;

#[tokio::main]
async fn main() -> ExitCode {
    let Some((settings, command)) = arguments(env::args_os().skip(1)) else {
        eprintln!(
            "usage: with-postgres [--durable] [--directory DIR] [--binaries DIR] -- COMMAND..."
        );
        return USAGE.into();
    };
    let postgres = match EmbeddedPostgres::start(settings).await {
        Ok(postgres) => postgres,
        Err(error) => {
            eprintln!("with-postgres: {error}");
            return UNAVAILABLE.into();
        }
    };
    let code = run(&command, &postgres.url("postgres")).await;
    let stopped = postgres.stop().await;
    match (code, stopped) {
        (Ok(status), Ok(())) => exit_code(status),
        (Err(error), _) => fail(&format!("{}: {error}", command[0].display())),
        (_, Err(error)) => fail(&error.to_string()),
    }
}

/// The settings and the command of the arguments. `None` for wrong arguments.
fn arguments(mut given: impl Iterator<Item = OsString>) -> Option<(Settings, Vec<OsString>)> {
    let mut settings = Settings::throwaway();
    loop {
        match given.next()?.to_str()? {
            "--durable" => settings.durability = Durability::Full,
            "--directory" => {
                settings.directory = Some(given.next()?.into());
                settings.durability = Durability::Full;
            }
            "--binaries" => settings.binaries = Some(given.next()?.into()),
            "--" => break,
            _ => return None,
        }
    }
    let command: Vec<_> = given.collect();
    (!command.is_empty()).then_some((settings, command))
}

/// Runs the command to its end. It gets Ctrl-C from the terminal itself. SIGTERM is forwarded to it.
async fn run(command: &[OsString], url: &str) -> io::Result<ExitStatus> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .env("TEST_POSTGRES", url)
        .spawn()?;
    let pid = Pid::from_child(&child);
    let mut ended = tokio::task::spawn_blocking(move || child.wait());
    loop {
        tokio::select! {
            status = &mut ended => return status.expect("waiting for a process does not panic"),
            _ = interrupts.recv() => {}
            _ = terminations.recv() => kill_process(pid, Signal::TERM)?,
        }
    }
}

/// The exit code that a shell would return: 128 plus the signal for a process that a signal ended.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
        .into()
}

/// Prints an error, and returns the exit code for it.
fn fail(message: &str) -> ExitCode {
    eprintln!("with-postgres: {message}");
    ExitCode::FAILURE
}
