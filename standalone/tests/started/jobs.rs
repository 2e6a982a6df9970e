//! Commands that a deployment gives no more than they need: a job that migrates, a probe that asks for health.

use std::time::Duration;

use testing::Database;

use crate::{
    database::running::{auth_variables, command},
    services::serve,
};

const SOON: Duration = Duration::from_secs(20);

/// The settings that a process which ended for its configuration has told problems of.
async fn told(arguments: &[&str], variables: &[(&'static str, &str)]) -> Vec<String> {
    let variables = variables
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    let (code, output) = command("task-service", arguments, variables.collect()).await;
    assert_eq!(code, Some(78), "{output}");
    let key = |line: &str| line.split(": ").next().unwrap_or_default().to_owned();
    output.lines().map(key).collect()
}

#[tokio::test]
async fn migrating_takes_the_url_of_the_database_and_no_secret_of_the_service() {
    let database = Database::empty().await;
    for program in ["auth-service", "task-service"] {
        let variables = vec![("DATABASE_URL", database.url().to_owned())];
        let (code, output) = command(program, &["migrate"], variables).await;
        assert_eq!(code, Some(0), "{program}: {output}");
    }
}

#[tokio::test]
async fn asking_for_health_takes_the_address_alone() {
    let database = Database::with(&[auth_service::SCHEMA]).await;
    let variables = auth_variables(database.url(), "127.0.0.1:0");
    let (serving, address) = serve("auth-service", variables).await;
    serving
        .wait_for_line(SOON, |line| line.contains("\"ready\""))
        .await;
    let variables = vec![("TANDEM_AUTH__LISTEN", address)];
    let (code, output) = command("auth-service", &["healthcheck"], variables).await;
    assert_eq!(code, Some(0), "{output}");
}

#[tokio::test]
async fn what_is_needed_must_be_there_and_what_is_set_must_be_right() {
    let wrong = [
        ("TANDEM_TASK__PAGE_TOKEN_KEYS", "misspelt"),
        ("TANDEM_TASK__QUOTA", "0"),
        ("TANDEM_TASK__SERVICE_SECRET_FILE", "/nowhere/at/all"),
        ("TANDEM_LOG__LEVEL", "inof"),
    ];
    let of_what_is_set = [
        "log.level",
        "task.page_token_keys",
        "task.quota",
        "task.service_secret",
    ];
    assert_eq!(told(&["healthcheck"], &wrong).await, of_what_is_set);
    let mut of_all = of_what_is_set.to_vec();
    of_all.insert(1, "task.database.url");
    assert_eq!(told(&["migrate"], &wrong).await, of_all);
}
