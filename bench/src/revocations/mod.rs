//! How soon what ends a token at one replica of the auth service is known at every replica of the task service.
//!
//! A round makes somebody new, shows that both task replicas take the token, ends it through one auth replica, and calls
//! both task replicas again and again until each refuses. It is measured from the answer of the call that ends the token
//! to the end of the first call that is refused; the later of the two counts. A token that is taken again after it was
//! refused, or refused for another reason, ends the run.

mod cause;
mod scene;
mod table;

use std::time::Duration;

use anyhow::Context as _;
use shared::proto::task::{ListTasksRequest, task_service_client::TaskServiceClient};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tonic::{Code, Request, Status, transport::Channel};

use self::{
    cause::Cause,
    scene::Scene,
    table::{Round, Table},
};
use crate::replicas::Replicas;

/// How long a token may take to be accepted, or to be refused, before the run is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Arguments {
    /// How many tokens are ended for each cause.
    #[arg(long, default_value_t = 1000)]
    rounds: usize,
    /// How many rounds run at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    at_once: u8,
    /// Only causes with this in their name; may be given again.
    #[arg(long = "only", value_name = "TEXT")]
    only: Vec<String>,
    /// A setting of the services, such as `TANDEM_AUTH__FEED__POLL=20ms`; may be given again.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = crate::setting)]
    settings: Vec<(String, String)>,
}

/// Measures, and prints what it saw; whether the goals were met.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let replicas = Replicas::start(&arguments.settings).await?;
    let scene = Scene::new(&replicas);
    let wanted = |cause: &Cause| {
        let named = |text: &String| cause.name().contains(text.as_str());
        arguments.only.is_empty() || arguments.only.iter().any(named)
    };
    let mut table = Table::begin();
    for cause in Cause::ALL.into_iter().filter(wanted) {
        let rounds = measure(&replicas, &scene, cause, &arguments).await;
        table.row(cause, rounds.with_context(|| cause.name())?);
    }
    drop(scene);
    replicas.stop().await?;
    Ok(table.end())
}

/// All rounds of one cause.
async fn measure(
    replicas: &Replicas,
    scene: &Scene,
    cause: Cause,
    arguments: &Arguments,
) -> anyhow::Result<Vec<Round>> {
    let at_once = if cause == Cause::KeyKilled {
        // It ends the tokens of all the others.
        1
    } else {
        usize::from(arguments.at_once)
    };
    let mut rounds = Vec::with_capacity(arguments.rounds);
    let mut running = JoinSet::new();
    for number in 0..arguments.rounds {
        if running.len() == at_once {
            let ended = running.join_next().await.context("one is running")?;
            rounds.push(ended??);
        }
        running.spawn(round(scene.clone(), replicas.tasks.clone(), cause, number));
    }
    while let Some(ended) = running.join_next().await {
        rounds.push(ended??);
    }
    Ok(rounds)
}

async fn round(
    scene: Scene,
    tasks: [Channel; 2],
    cause: Cause,
    number: usize,
) -> anyhow::Result<Round> {
    let victim = scene.prepare(cause).await.context("before the round")?;
    let [near, far] = tasks.map(TaskServiceClient::new);
    let readers = [
        Reader::new(near, &victim.token),
        Reader::new(far, &victim.token),
    ];
    for reader in &readers {
        reader.is_let_in().await?;
    }
    sleep(out_of_step(number)).await;
    let answered = scene.end(cause, victim).await.context("ending the token")?;
    let [near, far] = &readers;
    let (near, far) = tokio::join!(near.is_refused(answered), far.is_refused(answered));
    let (near, far) = (near?, far?);
    for (reader, refused) in readers.iter().zip([&near, &far]) {
        let again = reader.read().await;
        anyhow::ensure!(again.is_err(), "taken again after {refused:?}");
    }
    Ok(Round { near, far })
}

/// A refusal follows a look of the feed; without a pause the next round would always begin right after one.
fn out_of_step(number: usize) -> Duration {
    Duration::from_millis(number as u64 * 7 % 53)
}

/// Somebody who reads their tasks at one replica.
struct Reader {
    tasks: TaskServiceClient<Channel>,
    bearer: tonic::metadata::AsciiMetadataValue,
}

/// A token's end, at one replica.
#[derive(Debug)]
struct Refused {
    after: Duration,
    reason: String,
}

impl Reader {
    fn new(tasks: TaskServiceClient<Channel>, token: &str) -> Self {
        let bearer = format!("Bearer {token}").parse();
        Self {
            tasks,
            bearer: bearer.expect("a token is ASCII"),
        }
    }

    async fn read(&self) -> Result<(), Status> {
        let mut request = Request::new(ListTasksRequest {
            page_size: 1,
            ..ListTasksRequest::default()
        });
        let bearer = self.bearer.clone();
        request.metadata_mut().insert("authorization", bearer);
        self.tasks.clone().list_tasks(request).await.map(|_page| ())
    }

    /// A key that replaces a killed one is not known everywhere at once.
    async fn is_let_in(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            match self.read().await {
                Ok(()) => return Ok(()),
                Err(status) if began.elapsed() > PATIENCE => return Err(status.into()),
                Err(_not_yet) => sleep(Duration::from_millis(5)).await,
            }
        }
    }

    async fn is_refused(&self, answered: Instant) -> anyhow::Result<Refused> {
        loop {
            let answer = self.read().await;
            let after = answered.elapsed();
            match answer {
                Err(status) if status.code() == Code::Unauthenticated => {
                    let reason = testing::reason(&status);
                    return Ok(Refused { after, reason });
                }
                Err(status) => return Err(status.into()),
                Ok(()) => anyhow::ensure!(after < PATIENCE, "still taken after {after:?}"),
            }
        }
    }
}
