//! With the real auth service: its keys, read through `GetJsonWebKeySet`, verify its tokens here.

use std::sync::Arc;

use shared::{
    config::Source,
    proto::{
        auth::{SignUpRequest, auth_service_client::AuthServiceClient},
        task::{CreateTaskRequest, ListTasksRequest, task_service_client::TaskServiceClient},
    },
};
use task_service::App;
use testing::{Database, TestClock, assert_refused};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{
    Code, Request,
    transport::{Channel, Endpoint},
};

use crate::{
    outage::until_serving,
    world::{START, config, database, run, titled},
};

const SIGNING_KEY: &str = "q0Gm3kYp7V1xSdN8uLzWcRb5HtEjA2oFiK6PyXvM4Zs=";
const REFRESH_KEYS: &str = "1:w9Rk2bTnX5sLqPz7YcVd0hJfGmA4uEoB8iKtN6yHvCg=";

/// The auth service on a database of its own.
async fn auth(clock: &TestClock) -> (String, DropGuard, Database) {
    let database = Database::with(&[auth_service::SCHEMA]).await;
    let settings = [
        ("TANDEM_AUTH__DATABASE__URL", database.url()),
        ("TANDEM_AUTH__SIGNING_KEY", SIGNING_KEY),
        ("TANDEM_AUTH__REFRESH_KEYS", REFRESH_KEYS),
        // The cost of a hash is not what is tried here.
        ("TANDEM_AUTH__HASH__MEMORY_KIB", "64"),
        ("TANDEM_AUTH__HASH__ITERATIONS", "1"),
    ];
    let source = Source {
        defaults: &[auth_service::config::DEFAULTS],
        sections: &[auth_service::config::SECTION],
        made: Vec::new(),
        directory: std::env::temp_dir().join("a-folder-without-settings"),
        environment: settings
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
    };
    let config =
        auth_service::config::Config::load(source).unwrap_or_else(|problems| panic!("{problems}"));
    let app = auth_service::App::new(config, Arc::new(clock.clone())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(async move { app.serve(listener, stopped).await });
    (address, stop.drop_guard(), database)
}

/// The access token of a new account.
async fn sign_up(address: &str, email: &str) -> String {
    let channel = Endpoint::new(address.to_owned()).unwrap().connect_lazy();
    let request = SignUpRequest {
        email: email.to_owned(),
        password: "correct horse battery staple".to_owned(),
        ..Default::default()
    };
    let answer = AuthServiceClient::new(channel)
        .sign_up(request)
        .await
        .unwrap();
    answer.into_inner().tokens.unwrap().access_token
}

fn bearing<M>(token: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
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
async fn a_new_account_makes_its_first_task_and_another_does_not_see_it() {
    let clock = TestClock::at(START);
    let (address, _auth, _accounts) = auth(&clock).await;
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
