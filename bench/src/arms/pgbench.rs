//! pgbench with one statement: what PostgreSQL alone can do.
//!
//! Its keys are computed from a random number, so that it reaches the same rows of the same users as our calls.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use anyhow::Context as _;
use futures_util::future::LocalBoxFuture;

use crate::{
    goals::Stand,
    rounds::{Arm, Work, count},
};

/// pgbench with a number of connections.
pub(crate) struct Pgbench {
    name: String,
    program: PathBuf,
    script: PathBuf,
    database: String,
    clients: usize,
}

impl Pgbench {
    /// The program is the one beside the running server.
    pub(crate) fn new(
        name: &str,
        clients: usize,
        script: &str,
        stand: &Stand,
    ) -> anyhow::Result<Self> {
        let postmaster = stand.deployment.postmaster;
        let server = fs::read_link(format!("/proc/{postmaster}/exe"))?;
        let program = server.with_file_name("pgbench");
        anyhow::ensure!(program.exists(), "pgbench is not beside the server");
        Ok(Self {
            name: format!("pgbench {name}, {clients} clients"),
            program,
            script: stand.folder.write(&format!("{name}.sql"), script),
            database: stand.deployment.database.clone(),
            clients,
        })
    }

    async fn run(&self, length: Duration) -> anyhow::Result<Work> {
        let threads = self
            .clients
            .min(std::thread::available_parallelism()?.get());
        let mut command = Command::new(&self.program);
        command
            .args(["--no-vacuum", "--protocol=prepared"])
            .arg(format!("--client={}", self.clients))
            .arg(format!("--jobs={threads}"))
            .arg(format!("--time={}", length.as_secs().max(1)))
            .arg("--file")
            .arg(&self.script)
            .arg(&self.database);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "pgbench: {errors}");
        parse(&text).with_context(|| format!("{text}{errors}"))
    }
}

impl Arm for Pgbench {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn block(&mut self, length: Duration) -> LocalBoxFuture<'_, anyhow::Result<Work>> {
        Box::pin(self.run(length))
    }
}

/// The results that pgbench prints. It measures the time without that of its connections.
fn parse(text: &str) -> anyhow::Result<Work> {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.with_context(|| format!("no line {name}"))?;
        let value = value.trim().split([' ', '/']).next().unwrap_or_default();
        anyhow::Ok(value.to_owned())
    };
    let calls = value("number of transactions actually processed:")?.parse()?;
    let failed: u64 = value("number of failed transactions:")?.parse()?;
    anyhow::ensure!(failed == 0, "{failed} transactions failed");
    let rate: f64 = value("tps =")?.parse()?;
    anyhow::ensure!(rate > 0.0, "nothing was done");
    Ok(Work {
        calls,
        seconds: count(calls) / rate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
transaction type: get.sql
scaling factor: 1
query mode: prepared
number of clients: 8
number of threads: 2
maximum number of tries: 1
duration: 2 s
number of transactions actually processed: 101000
number of failed transactions: 0 (0.000%)
latency average = 0.158 ms
initial connection time = 5.123 ms
tps = 50500.000000 (without initial connection time)
";

    #[test]
    fn the_rate_is_the_one_that_pgbench_prints() {
        let work = parse(PRINTED).unwrap();
        assert_eq!(work.calls, 101_000);
        assert!((work.rate() - 50_500.0).abs() < 1e-6);
    }

    #[test]
    fn a_run_with_failed_transactions_is_refused() {
        let printed = PRINTED.replace("failed transactions: 0", "failed transactions: 3");
        parse(&printed).unwrap_err();
        parse("").unwrap_err();
    }
}
