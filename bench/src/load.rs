//! Concurrent callers in a closed loop. Prints counts and latencies.

use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};

use crate::{caller::BenchUser, report::LoadReport, stack::BenchStack};

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LoadArguments {
    /// How many users call in parallel. Each waits for an answer before its next call.
    #[arg(long, default_value_t = 100)]
    callers: usize,
    /// How long to measure, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// After this many calls a caller gets new tokens, by a refresh and by a sign-in in turn. It continues to use the old ones
    /// too.
    #[arg(long, value_name = "CALLS", value_parser = clap::value_parser!(u64).range(1..))]
    fresh_tokens: Option<u64>,
    /// A setting of the stack, such as `TANDEM_AUTH__SIGNING__ROTATE_EVERY=1s`; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = crate::setting)]
    settings: Vec<(String, String)>,
}

/// Measures and prints the results. Returns whether every call succeeded.
pub(crate) async fn run(arguments: LoadArguments) -> anyhow::Result<bool> {
    let stack = BenchStack::for_load("load", &arguments.settings).await?;
    let users = sign_up(&stack, &arguments).await?;
    let until = Instant::now() + Duration::from_secs(arguments.seconds);

    let mut working: JoinSet<LoadReport> = users
        .into_iter()
        .map(|mut user| async move { user.work(until).await })
        .collect();
    let mut report = LoadReport::default();
    while let Some(part) = working.join_next().await {
        report.add(part?);
    }
    stack.stop().await;
    report.print(arguments.callers, Duration::from_secs(arguments.seconds));
    Ok(report.errors() == 0)
}

/// Signs up all callers. When the hashing queue is full, a sign-up is repeated.
async fn sign_up(stack: &BenchStack, arguments: &LoadArguments) -> anyhow::Result<Vec<BenchUser>> {
    let mut users = Vec::with_capacity(arguments.callers);
    for number in 0..arguments.callers {
        users.push(BenchUser::sign_up(stack, number, arguments.fresh_tokens).await?);
    }
    Ok(users)
}
