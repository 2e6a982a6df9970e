//! A program that verifies tokens: it reads one from each line and answers with a line.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

/// How long an answer may take. A first one includes the start of an interpreter.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The account of an accepted token, or why it is refused.
pub(crate) type Verdict = Result<String, String>;

/// A running program. It ends with this value.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
}

impl Program {
    pub(crate) fn start(name: &'static str, program: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            name,
            input: child.stdin.take().unwrap(),
            child,
            answers,
        }
    }

    /// Gives it a line that it does not answer.
    pub(crate) fn give(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Its answer to a token.
    pub(crate) fn check(&mut self, token: &str) -> Verdict {
        self.give(token);
        let answer = self.answers.recv_timeout(TIMEOUT);
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        match answer.split_once(' ') {
            Some(("ok", account)) => Ok(account.to_owned()),
            Some(("refused", why)) => Err(why.to_owned()),
            _ => panic!("{}: {answer}", self.name),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _has_ended = self.child.kill();
        let _status = self.child.wait();
    }
}
