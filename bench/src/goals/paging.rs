//! P9: a deep page ÷ the first one, and many rows ÷ few.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use contract::proto::task::{ListTasksRequest, task_service_client::TaskServiceClient};
use http::header::AUTHORIZATION;
use tonic::transport::Channel;

use super::{
    chapter::{Chapter, Stand},
    goal::{Bound, Goal},
};
use crate::{
    arms::CallArm,
    calls::{PAGE, Page, Protocol, Question, Reads},
    deployment::{Deployment, User},
    page::Curve,
    population::Population,
    programs::{Server, free_address, ready},
    rounds::{Arm, Rounds, measure},
};

const TEXT: &str = "A page token names the last row of the page before, so a deep page costs what the first one costs. Rows are found by the \
    primary key, so more rows make the index a little deeper and the cache colder. The figures are costs: the rate of what is expected to be \
    cheaper ÷ the other one.";
const CALLERS: usize = 16;
/// The small table.
const FEW: Population = Population {
    users: 100,
    tasks: 10_000,
};

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let deepest = if stand.quick { 1_000 } else { 10_000 };
    let (deep, depths) = deep_pages(stand, deepest).await?;
    let few = few_rows(stand).await?;
    let rows = stand.deployment.population.tasks;
    let [few_get, few_list] = few;
    let of_rows = |call: &str| format!("cost of {call} with {rows} rows ÷ 10,000 rows");
    let depth = format!("cost of page {deepest} ÷ page 1");
    Ok(Chapter {
        title: "Deep pages and many rows",
        text: TEXT,
        goals: vec![
            cost(depth, &deep, depths.len() - 1, 1.1),
            cost(of_rows("GetTask"), &few_get, 1, 1.2),
            cost(of_rows("ListTasks"), &few_list, 1, 1.2),
        ],
        curves: vec![curve(&depths, &deep)],
        rounds: vec![
            ("Pages".to_owned(), deep),
            ("GetTask, few and many rows".to_owned(), few_get),
            ("ListTasks, few and many rows".to_owned(), few_list),
        ],
    })
}

/// The rate of the first arm ÷ that of another one.
fn cost(text: String, rounds: &Rounds, arm: usize, bound: f64) -> Goal {
    let ratio = rounds.best_ratio(0..1, arm..arm + 1);
    Goal::ratio("P9", text, Bound::AtMost(bound), ratio, rounds.difference())
}

fn curve(depths: &[u32], rounds: &Rounds) -> Curve {
    let rates = rounds.series.iter().map(|series| series.rate().median);
    let points = depths.iter().copied().map(f64::from).zip(rates).collect();
    Curve {
        name: "page depth",
        title: "ListTasks of 50: calls a second, by the depth of the page",
        across: "the number of the page",
        lines: vec![("ListTasks".to_owned(), points)],
    }
}

/// Pages of the first user, who gets enough tasks for them: 1, 10, 100 … up to the deepest.
async fn deep_pages(stand: &Stand, deepest: u32) -> anyhow::Result<(Rounds, Vec<u32>)> {
    let deployment = &stand.deployment;
    let tasks = (u64::from(deepest) + 1) * PAGE;
    eprintln!("paging: loading {tasks} tasks of one user");
    deployment
        .population
        .load_more_of_the_first(&deployment.database, tasks)
        .await?;
    let user = &deployment.users[0];
    let depths: Vec<u32> = (0..=deepest.ilog10())
        .map(|power| 10_u32.pow(power))
        .collect();
    let tokens = page_tokens(deployment.task, user, &depths).await?;
    let mut arms: Vec<Box<dyn Arm>> = Vec::new();
    for (depth, token) in depths.iter().zip(tokens) {
        arms.push(Box::new(CallArm {
            name: format!("page {depth}"),
            calls: Arc::new(Page::new(deployment.task, user, &token)?),
            target: stand.target(deployment.task, CALLERS),
        }));
    }
    Ok((stand.measure("paging", arms).await?, depths))
}

/// Walks through the pages. Returns the tokens of those at these depths.
async fn page_tokens(
    address: SocketAddr,
    user: &User,
    depths: &[u32],
) -> anyhow::Result<Vec<String>> {
    let channel = Channel::from_shared(format!("http://{address}"))?
        .connect()
        .await?;
    let mut client = TaskServiceClient::new(channel);
    let deepest = depths.last().copied().unwrap_or_default();
    let (mut token, mut tokens) = (String::new(), Vec::new());
    for depth in 1..=deepest {
        if depths.contains(&depth) {
            tokens.push(token.clone());
        }
        let mut request = tonic::Request::new(ListTasksRequest {
            page_size: i32::try_from(PAGE)?,
            page_token: token,
            ..ListTasksRequest::default()
        });
        let bearer = user.bearer.to_str()?.parse()?;
        request
            .metadata_mut()
            .insert(AUTHORIZATION.as_str(), bearer);
        token = client
            .list_tasks(request)
            .await?
            .into_inner()
            .next_page_token;
        anyhow::ensure!(!token.is_empty(), "page {depth} is the last one");
        if depth.is_multiple_of(1_000) {
            eprintln!("paging: page {depth} of {deepest}");
        }
    }
    Ok(tokens)
}

/// Starts another task service, on a small table, and returns its address.
async fn start_small(deployment: &Deployment) -> anyhow::Result<(SocketAddr, Server)> {
    let database = deployment.create_database("few").await?;
    let (address, ops) = (free_address()?, free_address()?);
    let settings = [
        ("DATABASE_URL", database.clone()),
        ("TANDEM_TASK__LISTEN", address.clone()),
        ("TANDEM_TASK__OPS__LISTEN", ops),
        (
            "TANDEM_TASK__AUTH_UPSTREAM",
            format!("http://{}", deployment.auth),
        ),
    ];
    deployment
        .programs
        .run_with("task-service", &["migrate"], &settings)?;
    FEW.load_tasks(&database).await?;
    let server = deployment.programs.serve("task-service", &settings)?;
    ready(&address).await?;
    Ok((address.parse()?, server))
}

/// `GetTask` and `ListTasks` with few rows and with all.
async fn few_rows(stand: &Stand) -> anyhow::Result<[Rounds; 2]> {
    let deployment = &stand.deployment;
    let (small, server) = start_small(deployment).await?;
    let mut results = Vec::new();
    for &question in Question::all() {
        let mut arms: Vec<Box<dyn Arm>> = Vec::new();
        for (name, address, population) in [
            ("10,000 rows", small, FEW),
            ("all rows", deployment.task, deployment.population),
        ] {
            let calls = Reads::new(Protocol::Grpc, question, address, deployment)?;
            arms.push(Box::new(CallArm {
                name: format!("{}, {name}", question.name()),
                calls: Arc::new(calls.of(population)),
                target: stand.target(address, 64),
            }));
        }
        let meters = &deployment.meters;
        results.push(measure(question.name(), &mut arms, meters, stand.plan).await?);
    }
    drop(server);
    results
        .try_into()
        .ok()
        .context("two questions have two results")
}
