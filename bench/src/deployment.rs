//! What a deployment runs: PostgreSQL, one auth service, one task service and one gateway, each a process, with many users and tasks.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use contract::proto::auth::{SignInRequest, auth_service_client::AuthServiceClient};
use embedded_postgres::EmbeddedPostgres;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::HeaderValue;
use tonic::{Code, transport::Channel};

use crate::{
    caller::{PASSWORD, sign_up},
    cpu::Meter,
    population::{Copies, Population, USER_PREFIX, email, user_id},
    programs::{Programs, Server, free_address, ready, start_postgres},
};

/// The account that all others are copies of.
const TEMPLATE: &str = "template@example.test";
/// The name of their addresses.
const USERS: &str = "user";
/// Sign-ins at the same time.
const SIGN_INS: usize = 32;

/// A running deployment: the auth service, the task service and the gateway are its `servers`, in this order. Its processes
/// are killed when this is dropped.
pub(crate) struct Deployment {
    pub(crate) population: Population,
    pub(crate) users: Arc<Vec<User>>,
    /// The URL of the database.
    pub(crate) database: String,
    /// The first process of PostgreSQL.
    pub(crate) postmaster: u32,
    pub(crate) auth: SocketAddr,
    pub(crate) task: SocketAddr,
    pub(crate) gateway: SocketAddr,
    /// All processes, the generator among them.
    pub(crate) meters: Vec<Meter>,
    pub(crate) servers: [Server; 3],
    pub(crate) programs: Programs,
    postgres: EmbeddedPostgres,
}

/// A user who has signed in.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) bearer: HeaderValue,
    pub(crate) session_id: String,
    pub(crate) refresh_token: String,
}

impl Deployment {
    /// Starts everything, adds the users and tasks, and signs the users in.
    pub(crate) async fn start(
        population: Population,
        settings: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let postgres = start_postgres("tandem").await?;
        let database = postgres.url("tandem");
        let own = [
            // The tokens must be valid for the whole measurement.
            ("TANDEM_AUTH__ACCESS_TTL", "1h"),
            // With the access lines that a deployment writes.
            ("TANDEM_LOG__LEVEL", "info"),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let programs = Programs::migrated(&database, &[&own, settings].concat()).await?;
        let Started {
            servers,
            auth,
            channel,
            task,
            gateway,
        } = start(&programs).await?;
        sign_up(&channel, TEMPLATE).await?;
        load(&database, population).await?;
        let postmaster =
            testing::postmaster(postgres.directory()).context("PostgreSQL does not run")?;
        let postmaster = u32::try_from(postmaster.as_raw_pid())?;
        Ok(Self {
            population,
            users: Arc::new(sign_in_all(&channel, population.users).await?),
            database,
            postmaster,
            auth,
            task,
            gateway,
            meters: meters(&servers, postmaster),
            servers,
            programs,
            postgres,
        })
    }

    /// Adds a database to the server, and returns its URL.
    pub(crate) async fn create_database(&self, name: &str) -> anyhow::Result<String> {
        self.postgres.create_database_if_missing(name).await?;
        Ok(self.postgres.url(name))
    }

    /// Stops everything and removes the data.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        drop(self.servers);
        Ok(self.postgres.stop().await?)
    }
}

fn meters(servers: &[Server; 3], postmaster: u32) -> Vec<Meter> {
    let [auth, task, gateway] = servers;
    vec![
        Meter::of("task-service", task.id()),
        Meter::of("gateway", gateway.id()),
        Meter::of("auth-service", auth.id()),
        Meter::with_children("PostgreSQL", postmaster),
        Meter::of_the_generator(),
    ]
}

async fn load(database: &str, population: Population) -> anyhow::Result<()> {
    let accounts = Copies {
        template: TEMPLATE,
        prefix: USER_PREFIX,
        name: USERS,
        number: population.users,
    };
    accounts.load(database).await?;
    population.load_tasks(database).await
}

/// The started processes: the auth service, the task service, the gateway.
struct Started {
    servers: [Server; 3],
    auth: SocketAddr,
    channel: Channel,
    task: SocketAddr,
    gateway: SocketAddr,
}

async fn start(programs: &Programs) -> anyhow::Result<Started> {
    let [auth, task, gateway, auth_ops, task_ops, gateway_ops] = [(); 6].map(|()| free_address());
    let (auth, task, gateway) = (auth?, task?, gateway?);
    let gateway_ops = gateway_ops?;
    let variables = [
        ("TANDEM_AUTH__LISTEN", auth.clone()),
        ("TANDEM_AUTH__OPS__LISTEN", auth_ops?),
        ("TANDEM_TASK__LISTEN", task.clone()),
        ("TANDEM_TASK__OPS__LISTEN", task_ops?),
        ("TANDEM_TASK__AUTH_UPSTREAM", format!("http://{auth}")),
        ("TANDEM_GATEWAY__LISTEN", gateway.clone()),
        ("TANDEM_GATEWAY__OPS__LISTEN", gateway_ops.clone()),
        ("TANDEM_GATEWAY__AUTH_UPSTREAM", format!("http://{auth}")),
        ("TANDEM_GATEWAY__TASK_UPSTREAM", format!("http://{task}")),
    ];
    let servers = [
        programs.serve("auth-service", &variables)?,
        programs.serve("task-service", &variables)?,
        programs.serve("gateway", &variables)?,
    ];
    let channel = ready(&auth).await?;
    ready(&task).await?;
    ready(&gateway_ops).await?;
    Ok(Started {
        servers,
        auth: auth.parse()?,
        channel,
        task: task.parse()?,
        gateway: gateway.parse()?,
    })
}

/// Signs all users in, in the order of their numbers. Writes its progress to standard error.
async fn sign_in_all(auth: &Channel, users: u64) -> anyhow::Result<Vec<User>> {
    let signed_in = stream::iter(0..users).map(|user| sign_in(auth, user));
    let progress = |done: &(usize, User)| {
        if (done.0 + 1).is_multiple_of(1000) {
            eprintln!("signing in: {} of {users} users", done.0 + 1);
        }
    };
    let signed_in = signed_in.buffered(SIGN_INS).enumerate();
    let signed_in = signed_in.map(|(number, user)| user.map(|user| (number, user)));
    let all: Vec<_> = signed_in
        .inspect_ok(progress)
        .map_ok(|(_, user)| user)
        .try_collect()
        .await?;
    Ok(all)
}

/// Signs a user in. Tries again while the hashing queue is full.
async fn sign_in(auth: &Channel, user: u64) -> anyhow::Result<User> {
    let mut client = AuthServiceClient::new(auth.clone());
    let request = SignInRequest {
        email: email(USERS, user),
        password: PASSWORD.to_owned(),
        ..SignInRequest::default()
    };
    let answer = loop {
        match client.sign_in(request.clone()).await {
            Ok(answer) => break answer.into_inner(),
            Err(status) if status.code() == Code::ResourceExhausted => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            Err(status) => return Err(status.into()),
        }
    };
    let account = answer.account.context("an answer without an account")?;
    anyhow::ensure!(account.id == user_id(user), "the account of somebody else");
    let tokens = answer.tokens.context("an answer without tokens")?;
    Ok(User {
        id: account.id,
        bearer: HeaderValue::from_str(&format!("Bearer {}", tokens.access_token))?,
        session_id: tokens.session_id,
        refresh_token: tokens.refresh_token,
    })
}
