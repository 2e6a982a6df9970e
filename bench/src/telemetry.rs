//! What telemetry costs: CPU per call with it ÷ without, of two stacks that take turns.
//!
//! Three stacks run side by side: without telemetry, with it, and a second one without (the A/A pair, which says how far the
//! figures can be trusted). They are called by turns in short blocks; CPU is that of the process, user and system, from
//! `/proc/<pid>/stat`. The collector is in this process. All stacks write their access lines to a pipe that is read.

use std::{fs, time::Duration};

use anyhow::Context as _;
use clap::Args;
use futures_util::future::try_join_all;
use testing::Collector;
use tokio::time::Instant;

use crate::{caller::Person, stack::Stack};

/// How far the A/A pair may stray before nothing is believed.
const STRAY: f64 = 0.05;

/// What is measured, and for how long.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Pairs of blocks.
    #[arg(long, default_value_t = 8)]
    pairs: usize,
    /// Length of a block, in seconds.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How many people call at once.
    #[arg(long, default_value_t = 32)]
    callers: usize,
    /// The share of calls that are traced.
    #[arg(long, default_value_t = 0.01)]
    ratio: f64,
}

/// A stack and those who call it.
struct Arm {
    name: &'static str,
    stack: Stack,
    people: Vec<Person>,
}

impl Arm {
    async fn start(
        name: &'static str,
        callers: usize,
        settings: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let stack = Stack::start(name, settings).await?;
        let mut people = Vec::with_capacity(callers);
        for number in 0..callers {
            people.push(Person::sign_up(&stack, number, None).await?);
        }
        Ok(Self {
            name,
            stack,
            people,
        })
    }

    /// Ticks of the CPU per call, over one block.
    async fn block(&mut self, length: Duration) -> anyhow::Result<f64> {
        let before = ticks(self.stack.id())?;
        let until = Instant::now() + length;
        let calls = self.people.iter_mut().map(|person| person.read(until));
        let calls = try_join_all(calls).await;
        let calls: u64 = calls.context(self.name)?.iter().sum();
        let after = ticks(self.stack.id())?;
        #[expect(clippy::cast_precision_loss, reason = "both are far below 2^52")]
        Ok((after - before) as f64 / calls as f64)
    }
}

/// What turns telemetry on.
fn exporting(collector: &Collector, ratio: f64) -> [(String, String); 2] {
    [
        ("TANDEM_TELEMETRY__OTLP__ENDPOINT", collector.endpoint()),
        ("TANDEM_TELEMETRY__TRACES__RATIO", ratio.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

/// Measures and prints; false when the A/A pair strays.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<bool> {
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
    let (mut cost, mut stray, mut per_call) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..arguments.pairs {
        // Whoever is first in one round is last in the next.
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
        stray.push(off_again / off);
        per_call.push(off);
    }
    for arm in [without, with, again] {
        arm.stack.stop().await;
    }
    Ok(print(&arguments, &collector, cost, stray, per_call))
}

#[expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
fn print(
    arguments: &Arguments,
    collector: &Collector,
    cost: Vec<f64>,
    stray: Vec<f64>,
    per_call: Vec<f64>,
) -> bool {
    let Arguments {
        pairs,
        seconds,
        callers,
        ratio,
    } = arguments;
    println!(
        "{pairs} rounds of {seconds} s an arm, {callers} callers of GetTask, {ratio} of the calls traced"
    );
    println!("spans received: {}", collector.spans().len());
    // A tick is 10 ms on every Linux that this runs on.
    let (microseconds, ..) = spread(per_call);
    println!(
        "CPU per call without telemetry: {:.1} µs",
        microseconds * 1e4
    );
    let (middle, least, most) = spread(cost);
    println!("CPU per call with ÷ without:    {middle:.3} ({least:.3} to {most:.3})");
    let (middle, least, most) = spread(stray);
    println!("A/A, without ÷ without:         {middle:.3} ({least:.3} to {most:.3})");
    if (middle - 1.0).abs() > STRAY {
        println!("void: the A/A pair strays by more than {STRAY}");
        return false;
    }
    true
}

/// Median, least and most.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let middle = f64::midpoint(values[last / 2], values[last.div_ceil(2)]);
    (middle, values[0], values[last])
}

/// User and system time of a process, in ticks (proc(5), fields 14 and 15).
fn ticks(process: u32) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name before may hold anything, and ends with the last parenthesis.
    let (_, rest) = stat.rsplit_once(") ").context("no process name")?;
    let mut times = rest.split(' ').skip(11).map(str::parse::<u64>);
    let mut next = || times.next().context("too few fields");
    Ok(next()?? + next()??)
}
