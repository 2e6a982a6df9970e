//! The command `migrate`.

use std::time::Duration;

use sqlx::Executor as _;
use testing::{Database, Process};

use super::running::{auth_variables, command, task_variables};
use crate::tools::{binary, end_of};

const TIMEOUT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn twelve_processes_that_migrate_in_parallel_apply_each_migration_once() {
    let database = Database::empty().await;
    let started: Vec<Process> = (0..12)
        .map(|number| match number % 2 {
            0 => (
                "auth-service",
                auth_variables(database.url(), "127.0.0.1:0"),
            ),
            _ => (
                "task-service",
                task_variables(database.url(), "127.0.0.1:1"),
            ),
        })
        .map(|(program, variables)| Process::spawn(binary(program), ["migrate"], variables))
        .collect();
    let mut outputs = String::new();
    for process in started {
        let (code, output) = end_of(process, TIMEOUT).await;
        assert_eq!(code, Some(0), "{output}");
        outputs += &output;
    }
    let known = auth_service::SCHEMA.migrations.iter().count()
        + task_service::SCHEMA.migrations.iter().count();
    assert_eq!(outputs.matches("applied a migration").count(), known);
    assert_eq!(outputs.matches("the schema is up to date").count(), 12);
    let applied = "select (select count(*) from auth._sqlx_migrations) + (select count(*) from tasks._sqlx_migrations)";
    let applied: i64 = sqlx::query_scalar(applied)
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    assert_eq!(usize::try_from(applied).unwrap(), known);
}

#[tokio::test]
async fn each_reason_for_not_migrating_has_its_own_exit_code() {
    let nowhere = "postgres://nobody@127.0.0.1:1/nothing";
    let variables = auth_variables(nowhere, "127.0.0.1:0");
    let (code, output) = command("auth-service", &["migrate"], variables).await;
    assert_eq!(code, Some(69), "{output}");

    let database = Database::with(&[task_service::SCHEMA]).await;
    let mut connection = database.connect().await;
    connection
        .execute("update tasks._sqlx_migrations set checksum = '\\x00' where version = 1")
        .await
        .unwrap();
    let variables = task_variables(database.url(), "127.0.0.1:1");
    let (code, output) = command("task-service", &["migrate"], variables).await;
    assert_eq!(code, Some(65), "{output}");
    assert!(
        output.contains("schema tasks was migrated with another migration 1"),
        "{output}"
    );
}
