//! From the start of a process to its being ready, on a migrated database, and the memory it then needs while nobody calls.
//!
//! Each process is asked for the health of its operations port again and again from the moment it is started: what is
//! measured is what a probe would see.

use std::{fs, time::Duration};

use anyhow::Context as _;
use shared::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use testing::Process;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;

use crate::replicas::{Replicas, free_address};

/// How long a process may take to be ready or to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked.
const POLL: Duration = Duration::from_millis(1);
/// How long a ready process is left alone before its memory is read.
const REST: Duration = Duration::from_secs(2);
/// The goals.
const READY_WITHIN: Duration = Duration::from_millis(150);
const MEMORY: u64 = 15 * 1024;

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Arguments {
    /// How often each process is started.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// A setting of the processes; may be given again.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = crate::setting)]
    settings: Vec<(String, String)>,
}

/// Measures, and prints what it saw; whether the goals were met.
#[expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let replicas = Replicas::start(&arguments.settings).await?;
    println!(
        "each process started {} times on a migrated database",
        arguments.rounds
    );
    println!();
    println!(
        "| process | ready: median ms | slowest ms | idle memory: median KiB | most KiB | of that its own: median KiB |"
    );
    println!("|---|---|---|---|---|---|");
    let mut good = true;
    for program in ["auth-service", "task-service", "gateway"] {
        let (mut times, mut memory, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..arguments.rounds {
            let (ready, process) = start(&replicas, program).await.context(program)?;
            times.push(ready);
            memory.push(process.resident);
            own.push(process.own);
        }
        times.sort();
        memory.sort_unstable();
        own.sort_unstable();
        let middle = arguments.rounds / 2;
        good &= times[middle] <= READY_WITHIN && memory[middle] <= MEMORY;
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
    println!("goals: ready within {READY_WITHIN:?}, at most {MEMORY} KiB, as medians");
    Ok(good)
}

/// Memory of a process, in KiB: what is in RAM, and what of that is no file's, such as the program's own code.
struct Memory {
    resident: u64,
    own: u64,
}

/// Starts a process and stops it again: how long until it was ready, and its memory.
async fn start(replicas: &Replicas, program: &str) -> anyhow::Result<(Duration, Memory)> {
    let ops = free_address()?;
    let own = [
        ("TANDEM_AUTH__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_AUTH__OPS__LISTEN", ops.clone()),
        ("TANDEM_TASK__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_TASK__OPS__LISTEN", ops.clone()),
        ("TANDEM_TASK__AUTH_UPSTREAM", replicas.upstream.clone()),
        ("TANDEM_GATEWAY__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_GATEWAY__OPS__LISTEN", ops.clone()),
        ("TANDEM_GATEWAY__AUTH_UPSTREAM", replicas.upstream.clone()),
    ];
    let began = Instant::now();
    let mut process = replicas.programs.spawn(program, &["serve"], &own)?;
    until_ready(&ops).await?;
    let ready = began.elapsed();
    sleep(REST).await;
    let memory = Memory {
        resident: kibibytes(&process, "VmRSS:")?,
        own: kibibytes(&process, "RssAnon:")?,
    };
    process.terminate();
    process.ended(PATIENCE).await;
    Ok((ready, memory))
}

async fn until_ready(address: &str) -> anyhow::Result<()> {
    let limit = Instant::now() + PATIENCE;
    while Instant::now() < limit {
        // A channel that has failed waits before it tries again, so each attempt has its own.
        let endpoint = Channel::from_shared(format!("http://{address}"))?;
        if let Ok(channel) = endpoint.connect().await {
            let mut health = HealthClient::new(channel);
            while let Ok(answer) = health.check(HealthCheckRequest::default()).await {
                if answer.get_ref().status() == ServingStatus::Serving {
                    return Ok(());
                }
                sleep(POLL).await;
            }
        }
        sleep(POLL).await;
    }
    anyhow::bail!("not ready after {PATIENCE:?}")
}

/// A line of proc(5)'s `status`.
fn kibibytes(process: &Process, name: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let value = line.context("no such line")?.trim();
    let value = value.trim_end_matches(" kB");
    Ok(value.parse()?)
}
