//! Commands that need only a part of the configuration: the migration job, and the health check.

use std::time::Duration;

use testing::Database;

use crate::{
    database::running::{auth_variables, command},
    services::serve,
};

const TIMEOUT: Duration = Duration::from_secs(20);

/// The settings whose problems a process reports before it ends.
async fn reported(arguments: &[&str], variables: &[(&'static str, &str)]) -> Vec<String> {
    let variables = variables
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    let (code, output) = command("task-service", arguments, variables.collect()).await;
    assert_eq!(code, Some(78), "{output}");
    let key = |line: &str| line.split(": ").next().unwrap_or_default().to_owned();
    output.lines().map(key).collect()
}

#[tokio::test]
async fn migrate_needs_the_url_of_the_database_and_no_secret_of_the_service() {
    let database = Database::empty().await;
    for program in ["auth-service", "task-service"] {
        let variables = vec![("DATABASE_URL", database.url().to_owned())];
        let (code, output) = command(program, &["migrate"], variables).await;
        assert_eq!(code, Some(0), "{program}: {output}");
    }
}

#[tokio::test]
async fn healthcheck_needs_only_the_address() {
    let database = Database::with(&[auth_service::SCHEMA]).await;
    let variables = auth_variables(database.url(), "127.0.0.1:0");
    let (serving, address) = serve("auth-service", variables).await;
    serving
        .wait_for_line(TIMEOUT, |line| line.contains("\"ready\""))
        .await;
    let variables = vec![("TANDEM_AUTH__LISTEN", address)];
    let (code, output) = command("auth-service", &["healthcheck"], variables).await;
    assert_eq!(code, Some(0), "{output}");
}

#[tokio::test]
async fn a_command_checks_the_settings_it_needs_and_all_that_are_set() {
    let wrong = [
        ("TANDEM_TASK__PAGE_TOKEN_KEYS", "misspelt"),
        ("TANDEM_TASK__QUOTA", "0"),
        ("TANDEM_TASK__SERVICE_SECRET_FILE", "/nowhere/at/all"),
        ("TANDEM_LOG__LEVEL", "inof"),
    ];
    let problems_of_set_values = [
        "log.level",
        "task.page_token_keys",
        "task.quota",
        "task.service_secret",
    ];
    assert_eq!(
        reported(&["healthcheck"], &wrong).await,
        problems_of_set_values
    );
    let mut all_problems = problems_of_set_values.to_vec();
    all_problems.insert(1, "task.database.url");
    assert_eq!(reported(&["migrate"], &wrong).await, all_problems);
}
