//! How long each process takes from its start until it is ready, on a migrated database, and its memory while it is idle.
//!
//! From its start on, each process is asked for its health at its operations port again and again, so the result is what a
//! probe would measure.

use std::time::Duration;

use anyhow::Context as _;
use contract::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;

use crate::{
    memory::kibibytes,
    programs::{Programs, free_address},
    replicas::ServiceReplicas,
};

/// How long a process may take to be ready or to end.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is asked.
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// How long a ready process is idle before its memory is read.
const IDLE_TIME: Duration = Duration::from_secs(2);
/// The goal for the time until ready.
const READY_GOAL: Duration = Duration::from_millis(150);
/// The goal for the memory, in KiB.
const MEMORY_GOAL: u64 = 15 * 1024;

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StartArguments {
    /// How often each process is started.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// A setting of the processes. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = crate::setting)]
    settings: Vec<(String, String)>,
}

/// Measures and prints the results. Returns whether the goals were met.
#[expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
pub(crate) async fn run(arguments: StartArguments) -> anyhow::Result<bool> {
    let replicas = ServiceReplicas::start(&arguments.settings).await?;
    println!(
        "each process started {} times on a migrated database",
        arguments.rounds
    );
    println!();
    println!(
        "| process | ready: median ms | slowest ms | idle memory: median KiB | most KiB | of that private: median KiB |"
    );
    println!("|---|---|---|---|---|---|");
    let mut met = true;
    for program in ["auth-service", "task-service", "gateway"] {
        let (mut times, mut memory, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..arguments.rounds {
            let started = start(&replicas.programs, &replicas.upstream, program).await;
            let (ready, process) = started.context(program)?;
            times.push(ready);
            memory.push(process.resident);
            own.push(process.private);
        }
        times.sort();
        memory.sort_unstable();
        own.sort_unstable();
        let middle = arguments.rounds / 2;
        met &= times[middle] <= READY_GOAL && memory[middle] <= MEMORY_GOAL;
        println!(
            "| {program} | {:.1} | {:.1} | {} | {} | {} |",
            times[middle].as_secs_f64() * 1e3,
            times[arguments.rounds - 1].as_secs_f64() * 1e3,
            memory[middle],
            memory[arguments.rounds - 1],
            own[middle],
        );
    }
    replicas.stop().await?;
    println!();
    println!("goals: ready within {READY_GOAL:?}, at most {MEMORY_GOAL} KiB, as medians");
    Ok(met)
}

/// The memory of a process, in KiB.
pub(crate) struct Memory {
    /// All its pages in RAM.
    pub(crate) resident: u64,
    /// Those that do not belong to a file, such as that of the program's code.
    pub(crate) private: u64,
}

/// Starts a process and stops it again. Returns how long it took until it was ready, and its memory.
pub(crate) async fn start(
    programs: &Programs,
    upstream: &str,
    program: &str,
) -> anyhow::Result<(Duration, Memory)> {
    let ops = free_address()?;
    let own = [
        ("TANDEM_AUTH__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_AUTH__OPS__LISTEN", ops.clone()),
        ("TANDEM_TASK__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_TASK__OPS__LISTEN", ops.clone()),
        ("TANDEM_TASK__AUTH_UPSTREAM", upstream.to_owned()),
        ("TANDEM_GATEWAY__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_GATEWAY__OPS__LISTEN", ops.clone()),
        ("TANDEM_GATEWAY__AUTH_UPSTREAM", upstream.to_owned()),
    ];
    let began = Instant::now();
    let mut process = programs.spawn(program, &["serve"], &own)?;
    until_ready(&ops).await?;
    let ready = began.elapsed();
    sleep(IDLE_TIME).await;
    let memory = Memory {
        resident: kibibytes(process.id(), "VmRSS:")?,
        private: kibibytes(process.id(), "RssAnon:")?,
    };
    process.terminate();
    process.ended(PROCESS_TIMEOUT).await;
    Ok((ready, memory))
}

async fn until_ready(address: &str) -> anyhow::Result<()> {
    let limit = Instant::now() + PROCESS_TIMEOUT;
    while Instant::now() < limit {
        // A channel waits after a failed attempt, so each attempt uses a new one.
        let endpoint = Channel::from_shared(format!("http://{address}"))?;
        if let Ok(channel) = endpoint.connect().await {
            let mut health = HealthClient::new(channel);
            while let Ok(answer) = health.check(HealthCheckRequest::default()).await {
                if answer.get_ref().status() == ServingStatus::Serving {
                    return Ok(());
                }
                sleep(POLL_INTERVAL).await;
            }
        }
        sleep(POLL_INTERVAL).await;
    }
    anyhow::bail!("not ready after {PROCESS_TIMEOUT:?}")
}
