//! The task service with the real auth service; the test controls the clock of both.

use std::sync::Arc;

use contract::proto::{
    auth::{SignUpRequest, auth_service_client::AuthServiceClient},
    task::{CreateTaskRequest, ListTasksRequest, task_service_client::TaskServiceClient},
};
use task_service::App;
use testing::{Database, TestClock, assert_refused};
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

use crate::{
    outage::until_serving,
    pair::{PASSWORD, bearing, run_auth},
    world::{START, config, database, run, titled},
};

/// The access token of a new account.
async fn sign_up(address: &str, email: &str) -> String {
    let channel = Endpoint::new(address.to_owned()).unwrap().connect_lazy();
    let request = SignUpRequest {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    let answer = AuthServiceClient::new(channel)
        .sign_up(request)
        .await
        .unwrap();
    answer.into_inner().tokens.unwrap().access_token
}

async fn titles(channel: &Channel, token: &str) -> Vec<String> {
    let mut tasks = TaskServiceClient::new(channel.clone());
    let page = tasks
        .list_tasks(bearing(token, ListTasksRequest::default()))
        .await
        .unwrap();
    page.into_inner()
        .tasks
        .into_iter()
        .map(|task| task.title)
        .collect()
}

#[tokio::test]
async fn a_new_user_creates_a_task_that_another_user_cannot_see() {
    let clock = TestClock::at(START);
    let accounts = Database::with(&[auth_service::SCHEMA]).await;
    let (address, _auth) = run_auth(accounts.url(), clock.clone()).await;
    let address = format!("http://{address}");
    let database = database().await;
    let config = config(database.url(), &[("AUTH_UPSTREAM", &address)]);
    let (channel, _tasks) = run(App::new(config, Arc::new(clock.clone())).unwrap()).await;
    until_serving(&channel).await;

    let ada = sign_up(&address, "ada@example.com").await;
    let bob = sign_up(&address, "bob@example.com").await;
    let request = CreateTaskRequest {
        task: Some(titled("Buy milk")),
        ..Default::default()
    };
    let mut tasks = TaskServiceClient::new(channel.clone());
    tasks.create_task(bearing(&ada, request)).await.unwrap();
    assert_eq!(titles(&channel, &ada).await, ["Buy milk"]);
    assert!(titles(&channel, &bob).await.is_empty());

    clock.advance(std::time::Duration::from_mins(6));
    let late = tasks
        .list_tasks(bearing(&ada, ListTasksRequest::default()))
        .await;
    assert_refused(&late.unwrap_err(), Code::Unauthenticated, "TOKEN_EXPIRED");
}
