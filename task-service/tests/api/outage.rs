//! The answer of every RPC when something that the service needs is not available.

use std::{sync::Arc, time::Duration};

use contract::proto::{
    health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
    task::{
        CreateTaskRequest, DeleteTaskRequest, GetTaskRequest, ListTasksRequest, Task,
        UndeleteTaskRequest, UpdateTaskRequest,
    },
};
use serving::process::Instruments;
use sqlx::Executor as _;
use task_service::App;
use testing::{TestClock, assert_refused};
use tokio::time::timeout;
use tonic::{Code, Status, transport::Channel};
use verifier::KeySet;

use crate::{
    raw::{call, rpcs},
    world::{START, User, World, config, run, titled, verifier},
};

/// The longest a service may take to become ready again on a busy machine.
const SERVING_TIMEOUT: Duration = Duration::from_mins(1);

/// The refusal of one valid call of each RPC.
async fn refusals(user: &User, id: &str) -> Vec<(&'static str, Status)> {
    macro_rules! call {
        ($name:literal, $method:ident, $message:expr) => {{
            let answer = user.client().$method(user.request($message)).await;
            ($name, answer.map(drop).expect_err($name))
        }};
    }
    let id = || id.to_owned();
    let create = CreateTaskRequest {
        task: Some(titled("t")),
        ..Default::default()
    };
    let task = Task {
        id: id(),
        ..titled("t")
    };
    let update = UpdateTaskRequest {
        task: Some(task),
        ..Default::default()
    };
    let delete = DeleteTaskRequest {
        id: id(),
        ..Default::default()
    };
    let undelete = UndeleteTaskRequest {
        id: id(),
        ..Default::default()
    };
    vec![
        call!("CreateTask", create_task, create),
        call!("GetTask", get_task, GetTaskRequest { id: id() }),
        call!("ListTasks", list_tasks, ListTasksRequest::default()),
        call!("UpdateTask", update_task, update),
        call!("DeleteTask", delete_task, delete),
        call!("UndeleteTask", undelete_task, undelete),
    ]
}

fn rpc_names() -> Vec<String> {
    rpcs().iter().map(|rpc| rpc.name().to_owned()).collect()
}

#[tokio::test]
async fn without_a_database_every_rpc_is_unavailable_and_says_when_to_retry() {
    let world = World::with(&[("DATABASE__URL", "postgres://localhost:1/nowhere")]).await;
    let refused = refusals(&world.user(), crate::world::ABSENT).await;
    assert_eq!(
        refused
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect::<Vec<_>>(),
        rpc_names()
    );
    for (_, status) in refused {
        assert_refused(&status, Code::Unavailable, "DATABASE_UNAVAILABLE");
    }
}

#[tokio::test]
async fn an_expired_deadline_is_refused_with_deadline_exceeded() {
    let world = World::with(&[("SERVER__DEADLINE", "200ms")]).await;
    let user = world.user();
    let id = user.task("t").await.id;
    let mut blocker = world.database.connect().await;
    let lock = "begin; lock table tasks.task, tasks.owner in access exclusive mode";
    blocker.execute(lock).await.unwrap();
    let refused = refusals(&user, &id).await;
    blocker.execute("rollback").await.unwrap();
    for (_, status) in refused {
        assert_refused(&status, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    }
    user.get(&id).await.unwrap();
}

#[tokio::test]
async fn before_the_first_message_of_the_auth_service_every_call_is_refused_and_the_service_is_not_ready()
 {
    let database = crate::world::database().await;
    let config = config(database.url(), &[("AUTH_UPSTREAM", "http://127.0.0.1:1")]);
    let app = App::new(config, Instruments::off(Arc::new(TestClock::at(START)))).unwrap();
    let (channel, _running) = run(app).await;
    let token = World::new().await.user().token();
    for rpc in rpcs() {
        let refused = call(&channel, &rpc, Some(&token), Vec::new()).await;
        assert_refused(
            &refused.unwrap_err(),
            Code::Unavailable,
            "REVOCATION_FEED_STALE",
        );
    }
    assert_eq!(health(&channel).await, ServingStatus::NotServing);
}

pub(crate) async fn health(channel: &Channel) -> ServingStatus {
    let mut client = HealthClient::new(channel.clone());
    let answer = client.check(HealthCheckRequest::default()).await.unwrap();
    answer.into_inner().status()
}

/// Watches the health of the server until it is SERVING.
pub(crate) async fn until_serving(channel: &Channel) {
    let mut client = HealthClient::new(channel.clone());
    let watch = client.watch(HealthCheckRequest::default()).await.unwrap();
    let mut changes = watch.into_inner();
    let serving = async {
        while let Some(change) = changes.message().await.unwrap() {
            if change.status() == ServingStatus::Serving {
                return;
            }
        }
        panic!("the health stream ended");
    };
    let in_time = timeout(SERVING_TIMEOUT, serving).await;
    in_time.expect("the service is ready in time");
}

#[tokio::test]
async fn with_database_and_schema_the_service_is_ready() {
    let world = World::new().await;
    until_serving(&world.channel).await;
    assert_eq!(health(&world.channel).await, ServingStatus::Serving);
}

#[tokio::test]
async fn without_its_schema_the_service_becomes_ready_only_after_migration() {
    let database = testing::Database::empty().await;
    let config = config(database.url(), &[]);
    let clock = TestClock::at(START);
    let verifier = verifier(&config.trust, &clock, KeySet::default());
    let (channel, _running) = run(App::trusting(
        config,
        Instruments::off(Arc::new(clock)),
        verifier,
    ))
    .await;
    assert_eq!(health(&channel).await, ServingStatus::NotServing);
    task_service::SCHEMA.migrate(database.url()).await.unwrap();
    until_serving(&channel).await;
}
