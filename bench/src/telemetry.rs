//! The cost of telemetry: CPU time per call with it ÷ without it, of stacks that are measured in turn.
//!
//! Three stacks run side by side: one without telemetry, one with it, and a second one without. The two without it are the A/A
//! pair, which shows how precise the figures are. The stacks are called in turn, in short blocks. The CPU time is that of the
//! process, user and system, from `/proc/<pid>/stat`. The collector runs in this process. All stacks write their access lines to
//! a pipe that this process reads.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use futures_util::future::try_join_all;
use testing::Collector;
use tokio::time::Instant;

use crate::{
    caller::BenchUser,
    cpu::Meter,
    rounds::{MAX_DIFFERENCE, count},
    stack::BenchStack,
    statistics::Spread,
};

/// What to measure, and for how long.
#[derive(Debug, Clone, Args)]
pub(crate) struct TelemetryArguments {
    /// How many rounds of one block for each stack.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=100))]
    pairs: u64,
    /// The length of a block, in seconds.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How many users call in parallel.
    #[arg(long, default_value_t = 32)]
    callers: usize,
    /// The share of calls that are traced.
    #[arg(long, default_value_t = 0.01)]
    ratio: f64,
}

/// A stack and the users who call it.
struct Arm {
    name: &'static str,
    stack: BenchStack,
    users: Vec<BenchUser>,
}

impl Arm {
    async fn start(
        name: &'static str,
        callers: usize,
        settings: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let stack = BenchStack::for_load(name, settings).await?;
        let mut users = Vec::with_capacity(callers);
        for number in 0..callers {
            users.push(BenchUser::sign_up(&stack, number, None).await?);
        }
        Ok(Self { name, stack, users })
    }

    /// The CPU time per call in one block, in µs.
    async fn block(&mut self, length: Duration) -> anyhow::Result<f64> {
        let meter = Meter::of(self.name, self.stack.id());
        let before = meter.read()?;
        let until = Instant::now() + length;
        let calls = self.users.iter_mut().map(|user| user.read(until));
        let calls = try_join_all(calls).await;
        let calls: u64 = calls.context(self.name)?.iter().sum();
        let used = meter.read()?.saturating_sub(before);
        Ok(used.as_secs_f64() * 1e6 / count(calls))
    }
}

/// The settings that turn telemetry on.
fn exporting(collector: &Collector, ratio: f64) -> [(String, String); 2] {
    [
        ("TANDEM_TELEMETRY__OTLP__ENDPOINT", collector.endpoint()),
        ("TANDEM_TELEMETRY__TRACES__RATIO", ratio.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

/// Measures and prints the results. Returns false when the A/A pair differs too much.
pub(crate) async fn run(arguments: TelemetryArguments) -> anyhow::Result<bool> {
    let collector = Collector::start().await;
    let on = exporting(&collector, arguments.ratio);
    let callers = arguments.callers;
    let off = ["AUTH", "TASK", "GATEWAY"]
        .map(|part| (format!("TANDEM_{part}__OPS__LISTEN"), "off".to_owned()));
    let mut without = Arm::start("off", callers, &off).await?;
    let mut with = Arm::start("on", callers, &on).await?;
    let mut again = Arm::start("off-again", callers, &off).await?;

    let length = Duration::from_secs(arguments.seconds);
    for arm in [&mut without, &mut with, &mut again] {
        arm.block(length).await?;
    }
    let (mut cost, mut difference, mut per_call) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..arguments.pairs {
        // The first stack of one round is the last of the next.
        let mut measured = [0.0; 3];
        let order = if pair % 2 == 0 { [0, 1, 2] } else { [2, 1, 0] };
        for place in order {
            let arm = match place {
                0 => &mut without,
                1 => &mut with,
                _ => &mut again,
            };
            measured[place] = arm.block(length).await?;
        }
        let [off, on, off_again] = measured;
        cost.push(on / f64::midpoint(off, off_again));
        difference.push(off_again / off);
        per_call.push(off);
    }
    for arm in [without, with, again] {
        arm.stack.stop().await;
    }
    Ok(print(&arguments, &collector, cost, difference, per_call))
}

#[expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
fn print(
    arguments: &TelemetryArguments,
    collector: &Collector,
    cost: Vec<f64>,
    difference: Vec<f64>,
    per_call: Vec<f64>,
) -> bool {
    let TelemetryArguments {
        pairs,
        seconds,
        callers,
        ratio,
    } = arguments;
    println!(
        "{pairs} rounds of {seconds} s for each stack, {callers} callers of GetTask, {ratio} of the calls traced"
    );
    println!("spans received: {}", collector.spans().len());
    let microseconds = measured(per_call).median;
    println!("CPU per call without telemetry: {microseconds:.1} µs");
    let cost = measured(cost);
    println!(
        "CPU per call with ÷ without:    {:.3} ({:.3} to {:.3})",
        cost.median, cost.least, cost.most
    );
    let difference = measured(difference);
    println!(
        "A/A, without ÷ without:         {:.3} ({:.3} to {:.3})",
        difference.median, difference.least, difference.most
    );
    if difference.distance_from_one() > MAX_DIFFERENCE {
        println!("invalid: the A/A pair differs by more than {MAX_DIFFERENCE}");
        return false;
    }
    true
}

fn measured(values: Vec<f64>) -> Spread {
    Spread::of(values).expect("there is at least one pair")
}
