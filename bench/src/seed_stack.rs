//! The backend of the first specification (`bench/peers/seed`), on a database of its own with as many tasks.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use http::HeaderValue;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    cpu::family,
    memory::kibibytes,
    population::{Population, run},
    programs::{Server, free_address},
};

/// Where `scripts/provide seed-stack` installs its packages, in the folder that the program is started in.
const PYTHON: &str = ".tools/seed-stack/bin/python";
const FOLDER: &str = "bench/peers/seed";
/// It signs its tokens with a shared secret.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A running seed stack.
pub(crate) struct SeedStack {
    pub(crate) address: SocketAddr,
    /// A token of each user.
    pub(crate) bearers: Vec<HeaderValue>,
    server: Server,
}

impl SeedStack {
    /// Creates its tables with the tasks of a population, and starts it.
    pub(crate) async fn start(database: &str, population: Population) -> anyhow::Result<Self> {
        let url = database.replacen("postgres:", "postgresql+psycopg2:", 1);
        let prepare = ["prepare.py", &population.users.to_string()];
        let prepared = python(&url, &prepare)?.output()?;
        let errors = String::from_utf8_lossy(&prepared.stderr);
        anyhow::ensure!(prepared.status.success(), "prepare.py: {errors}");
        let tokens = String::from_utf8(prepared.stdout)?;
        let bearers = tokens
            .lines()
            .map(|token| format!("Bearer {token}").parse());
        let bearers = bearers.collect::<Result<_, _>>()?;
        load(database, population).await?;
        let address: SocketAddr = free_address()?.parse()?;
        let port = address.port().to_string();
        let serve = [
            "-m",
            "uvicorn",
            "main:app",
            "--workers",
            "2",
            "--port",
            &port,
        ];
        let server = Server::start(&mut python(&url, &serve)?)?;
        server.listens(address).await?;
        Ok(Self {
            address,
            bearers,
            server,
        })
    }

    /// The id of its first process.
    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }

    /// The memory of its processes, in KiB.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        let processes = family(self.server.id())?;
        let each = processes
            .into_iter()
            .map(|process| kibibytes(process, "VmRSS:"));
        each.sum()
    }

    /// Stops it with its workers.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let process = i32::try_from(self.server.id())?;
        let process = Pid::from_raw(process).context("a process has an id")?;
        kill_process(process, Signal::TERM)?;
        self.server.wait()
    }
}

fn python(database: &str, arguments: &[&str]) -> anyhow::Result<Command> {
    let python = env::current_dir()?.join(PYTHON);
    anyhow::ensure!(
        python.exists(),
        "install it first, and start bench in the folder of the project: scripts/provide seed-stack"
    );
    let folder: PathBuf = Path::new(FOLDER).to_owned();
    let mut command = Command::new(python);
    command
        .args(arguments)
        .current_dir(folder)
        .env("DATABASE_URL", database)
        .env("BETTER_AUTH_SECRET", SECRET)
        // It leaves no files beside its sources.
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}

/// Task `n` has the id `n + 1`, and belongs to `user-` and `n % users`.
async fn load(database: &str, population: Population) -> anyhow::Result<()> {
    let Population { users, tasks } = population;
    let insert = format!(
        "insert into tasks (title, description, status, user_id, created_at, updated_at)
         select 'Task number ' || n, repeat('x', (n % 100)::integer), 'PENDING', 'user-' || n % {users}, now(), now()
         from generate_series(0::bigint, {tasks} - 1) n order by n"
    );
    eprintln!("loading: {tasks} tasks of the seed's stack");
    run(database, &[insert, "vacuum analyze tasks".to_owned()]).await?;
    Ok(())
}
