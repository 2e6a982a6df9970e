//! A closed loop of concurrent callers; prints counts and latencies.

use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};

use crate::{caller::Person, report::Report, stack::Stack};

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Load {
    /// How many people call at once, each waiting for one answer before the next call.
    #[arg(long, default_value_t = 100)]
    callers: usize,
    /// For how long, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Every so many calls a caller takes fresh tokens, by a refresh and by signing in by turns, and goes on with the old
    /// ones as well.
    #[arg(long, value_name = "CALLS", value_parser = clap::value_parser!(u64).range(1..))]
    fresh_tokens: Option<u64>,
    /// A setting of the stack, such as `TANDEM_AUTH__SIGNING__ROTATE_EVERY=1s`; may be given again.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = crate::setting)]
    settings: Vec<(String, String)>,
}

/// Measures, and prints what it saw; whether every call was answered OK.
pub(crate) async fn run(arguments: Load) -> anyhow::Result<bool> {
    let stack = Stack::start("load", &arguments.settings).await?;
    let people = sign_up(&stack, &arguments).await?;
    let until = Instant::now() + Duration::from_secs(arguments.seconds);

    let mut working: JoinSet<Report> = people
        .into_iter()
        .map(|mut person| async move { person.work(until).await })
        .collect();
    let mut report = Report::default();
    while let Some(part) = working.join_next().await {
        report.add(part?);
    }
    stack.stop().await;
    report.print(arguments.callers, Duration::from_secs(arguments.seconds));
    Ok(report.errors() == 0)
}

/// Accounts for all callers; a hashing queue that is full for now is waited for, as `RetryInfo` asks.
async fn sign_up(stack: &Stack, arguments: &Load) -> anyhow::Result<Vec<Person>> {
    let mut people = Vec::with_capacity(arguments.callers);
    for number in 0..arguments.callers {
        people.push(Person::sign_up(stack, number, arguments.fresh_tokens).await?);
    }
    Ok(people)
}
