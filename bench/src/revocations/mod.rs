//! How soon every replica of the task service refuses a token that one replica of the auth service has ended.
//!
//! A round signs up a new user, checks that both task replicas accept the token, ends the token through one auth replica, and
//! calls both task replicas again and again until each refuses it. The time is measured from the answer of the call that ends
//! the token to the end of the first refused call, and the later of the two replicas counts. A token that is accepted again
//! after a refusal, or refused for another reason, ends the run.

mod cause;
mod replica;
mod table;

use std::time::Duration;

use anyhow::Context as _;
use contract::proto::task::{ListTasksRequest, task_service_client::TaskServiceClient};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tonic::{Code, Request, Status, transport::Channel};

use self::{
    cause::Cause,
    replica::AuthReplica,
    table::{Round, Table},
};
use crate::replicas::ServiceReplicas;

/// How long a replica may take to accept or to refuse a token. With more, the run ends with an error.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RevocationArguments {
    /// How many tokens are ended for each cause.
    #[arg(long, default_value_t = 1000)]
    rounds: usize,
    /// How many rounds run in parallel.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    at_once: u8,
    /// Measure only causes with this text in their name. May be repeated.
    #[arg(long = "only", value_name = "TEXT")]
    only: Vec<String>,
    /// A setting of the services, such as `TANDEM_AUTH__FEED__POLL=20ms`; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = crate::setting)]
    settings: Vec<(String, String)>,
}

/// Measures and prints the results. Returns whether the goals were met.
pub(crate) async fn run(arguments: RevocationArguments) -> anyhow::Result<bool> {
    let replicas = ServiceReplicas::start(&arguments.settings).await?;
    let replica = AuthReplica::new(&replicas);
    let wanted = |cause: &Cause| {
        let named = |text: &String| cause.name().contains(text.as_str());
        arguments.only.is_empty() || arguments.only.iter().any(named)
    };
    let mut table = Table::begin();
    for cause in Cause::ALL.into_iter().filter(wanted) {
        let rounds = measure(&replicas, &replica, cause, &arguments).await;
        table.row(cause, rounds.with_context(|| cause.name())?);
    }
    drop(replica);
    replicas.stop().await?;
    Ok(table.end())
}

/// All rounds of one cause.
async fn measure(
    replicas: &ServiceReplicas,
    replica: &AuthReplica,
    cause: Cause,
    arguments: &RevocationArguments,
) -> anyhow::Result<Vec<Round>> {
    let at_once = if cause == Cause::KeyKilled {
        // It also ends the tokens of all other rounds.
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
        running.spawn(round(
            replica.clone(),
            replicas.tasks.clone(),
            cause,
            number,
        ));
    }
    while let Some(ended) = running.join_next().await {
        rounds.push(ended??);
    }
    Ok(rounds)
}

async fn round(
    replica: AuthReplica,
    tasks: [Channel; 2],
    cause: Cause,
    number: usize,
) -> anyhow::Result<Round> {
    let measured = replica.prepare(cause).await.context("before the round")?;
    let [near, far] = tasks.map(TaskServiceClient::new);
    let readers = [
        TaskReader::new(near, &measured.token),
        TaskReader::new(far, &measured.token),
    ];
    for reader in &readers {
        reader.wait_until_accepted().await?;
    }
    sleep(pause_before_end(number)).await;
    let answered = replica
        .end(cause, measured)
        .await
        .context("ending the token")?;
    let [near, far] = &readers;
    let (near, far) = tokio::join!(
        near.wait_until_refused(answered),
        far.wait_until_refused(answered)
    );
    let (near, far) = (near?, far?);
    for (reader, refused) in readers.iter().zip([&near, &far]) {
        let again = reader.read().await;
        anyhow::ensure!(again.is_err(), "accepted again after {refused:?}");
    }
    Ok(Round { near, far })
}

/// A pause before a token is ended. A refusal comes right after the auth replica has polled its feed, so without a pause every round
/// would begin right after a poll.
fn pause_before_end(number: usize) -> Duration {
    Duration::from_millis(number as u64 * 7 % 53)
}

/// A client that lists tasks at one replica with the measured token.
struct TaskReader {
    tasks: TaskServiceClient<Channel>,
    bearer: tonic::metadata::AsciiMetadataValue,
}

/// The first refusal of a token at one replica.
#[derive(Debug)]
struct FirstRefusal {
    after: Duration,
    reason: String,
}

impl TaskReader {
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

    /// Repeats a call until it is accepted. A key that replaces a killed one reaches each replica at another time.
    async fn wait_until_accepted(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            match self.read().await {
                Ok(()) => return Ok(()),
                Err(status) if began.elapsed() > TOKEN_TIMEOUT => return Err(status.into()),
                Err(_not_yet) => sleep(Duration::from_millis(5)).await,
            }
        }
    }

    async fn wait_until_refused(&self, answered: Instant) -> anyhow::Result<FirstRefusal> {
        loop {
            let answer = self.read().await;
            let after = answered.elapsed();
            match answer {
                Err(status) if status.code() == Code::Unauthenticated => {
                    let reason = testing::reason(&status);
                    return Ok(FirstRefusal { after, reason });
                }
                Err(status) => return Err(status.into()),
                Ok(()) => anyhow::ensure!(after < TOKEN_TIMEOUT, "still accepted after {after:?}"),
            }
        }
    }
}
