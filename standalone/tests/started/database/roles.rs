//! The roles of `deploy/postgres/roles.sql`: what each may do, and that these rights are enough.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use testing::Database;

use super::{
    everyday,
    running::{RunningServices, auth_variables, command, migrate},
};
use crate::tools::{run, workspace};

const AUTH: &str = "tandem_auth";
const TASK: &str = "tandem_task";
const MIGRATE: &str = "tandem_migrate";
/// SQLSTATE `insufficient_privilege`.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// Runs the file with psql, as its first comment describes.
fn create_roles(database: &Database) {
    let file = workspace().join("deploy/postgres/roles.sql");
    let file = file.to_str().unwrap();
    let arguments = ["--set", "ON_ERROR_STOP=1", "--quiet", "--file", file];
    let arguments = [&arguments[..], &[database.url()]].concat();
    run(Path::new("psql"), &arguments, &[]).stdout_of_success();
}

/// The SQLSTATE when a role runs a statement, in a transaction that is rolled back. `None` if the role may run it.
async fn refusal(database: &Database, role: &str, statement: &str) -> Option<String> {
    let url = database.url_as(role);
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let text = AssertSqlSafe(format!("begin; {statement}; rollback"));
    let refused = sqlx::raw_sql(text).execute(&mut connection).await.err()?;
    let refused = refused.into_database_error().unwrap();
    Some(refused.code().unwrap().into_owned())
}

async fn assert_refused(database: &Database, role: &str, statements: &[&str]) {
    for statement in statements {
        let code = refusal(database, role, statement).await;
        assert_eq!(
            code.as_deref(),
            Some(INSUFFICIENT_PRIVILEGE),
            "{role}: {statement}"
        );
    }
}

async fn assert_allowed(database: &Database, role: &str, statements: &[&str]) {
    for statement in statements {
        let code = refusal(database, role, statement).await;
        assert_eq!(code, None, "{role}: {statement}");
    }
}

#[tokio::test]
async fn both_services_and_their_commands_work_with_roles_that_own_nothing() {
    let database = Database::with_roles().await;
    create_roles(&database);
    migrate(&database.url_as(MIGRATE)).await;
    let (auth, task) = (database.url_as(AUTH), database.url_as(TASK));
    assert_refused(&database, AUTH, &["create temporary table mine (id int)"]).await;
    let running = RunningServices::start(&auth, &task).await;
    everyday::use_everything(&running, "roles@example.org").await;
    for (arguments, says) in [
        (&["keys", "rotate"][..], "is next"),
        (
            &["admin", "disable", "--email", "roles@example.org"],
            "is disabled",
        ),
        (
            &["restored", "--sign-everyone-out"],
            "everything issued before is revoked",
        ),
    ] {
        let variables = auth_variables(&auth, "127.0.0.1:0");
        let (code, output) = command("auth-service", arguments, variables).await;
        assert_eq!(code, Some(0), "{output}");
        assert!(output.contains(says), "{output}");
    }
    for process in [&running.auth, &running.task] {
        assert!(!process.output().contains("permission denied"));
    }
}

/// Statements that the role of the auth service may not run.
const REFUSED_TO_AUTH: &[&str] = &[
    "create table auth.mine (id int)",
    "create table public.mine (id int)",
    "create schema mine",
    "create role mine",
    "create index on auth.session (device_label)",
    "alter table auth.session add column mine int",
    "drop table auth.session",
    "truncate auth.session",
    "select from tasks.task",
    "insert into tasks.owner (user_id, revision, live_count) values (gen_random_uuid(), 1, 0)",
    "update auth.audit_event set kind = 'nothing'",
    "delete from auth.audit_event",
    "truncate auth.audit_event",
    "update auth.account_deletion set sequence = 0",
    "delete from auth.account_deletion",
    "delete from auth._sqlx_migrations",
    "update auth._sqlx_migrations set success = false",
];
/// Statements that the role of the task service may not run.
const REFUSED_TO_TASK: &[&str] = &[
    "select from auth.account",
    "select from auth._sqlx_migrations",
    "alter table tasks.task add column mine int",
    "truncate tasks.task",
    "insert into tasks._sqlx_migrations values (99, 'mine', now(), true, '', 0)",
];
/// Statements that the migrating role may not run.
const REFUSED_TO_MIGRATE: &[&str] = &["create role mine", "create schema mine"];
/// Statements that the role of the auth service may run.
const ALLOWED_TO_AUTH: &[&str] = &[
    "select from auth._sqlx_migrations",
    "insert into auth.audit_event (id, time, kind, user_agent) values (gen_random_uuid(), now(), 'sign_in', '')",
    "select from auth.audit_event",
    "delete from auth.session",
];

#[tokio::test]
async fn a_service_can_neither_change_its_schema_nor_read_the_other_nor_rewrite_its_audit_events() {
    let database = Database::with(&[auth_service::SCHEMA, task_service::SCHEMA]).await;
    assert_refused(&database, AUTH, REFUSED_TO_AUTH).await;
    assert_refused(&database, TASK, REFUSED_TO_TASK).await;
    assert_refused(&database, MIGRATE, REFUSED_TO_MIGRATE).await;
    assert_allowed(&database, AUTH, ALLOWED_TO_AUTH).await;
}

#[tokio::test]
async fn tables_of_later_migrations_need_no_grant() {
    let database = Database::with(&[auth_service::SCHEMA, task_service::SCHEMA]).await;
    let mut owner = PgConnection::connect(&database.url_as(MIGRATE))
        .await
        .unwrap();
    let made = "create table auth.later (id bigint generated always as identity, note text);
                create table tasks.later (user_id uuid)";
    sqlx::raw_sql(made).execute(&mut owner).await.unwrap();
    let uses = [
        "insert into auth.later (note) values ('x'); update auth.later set note = 'y'; delete from auth.later",
    ];
    assert_allowed(&database, AUTH, &uses).await;
    assert_allowed(
        &database,
        TASK,
        &["insert into tasks.later values (gen_random_uuid())"],
    )
    .await;
    assert_refused(&database, AUTH, &["select from tasks.later"]).await;
}

#[tokio::test]
async fn roles_can_be_added_to_a_database_that_began_without_them() {
    let database = Database::empty().await;
    migrate(database.url()).await;
    for _ in 0..2 {
        create_roles(&database);
    }
    migrate(&database.url_as(MIGRATE)).await;
    let (auth, task) = (database.url_as(AUTH), database.url_as(TASK));
    let running = RunningServices::start(&auth, &task).await;
    everyday::use_everything(&running, "later@example.org").await;
    let rewrite = [
        "delete from auth.audit_event",
        "delete from auth._sqlx_migrations",
    ];
    assert_refused(&database, AUTH, &rewrite).await;
    // A function may run as its owner, who must own the tables too.
    let foreign = "select count(*) from pg_proc
                   where pronamespace = 'auth'::regnamespace and proowner <> 'tandem_migrate'::regrole";
    let foreign: i64 = sqlx::query_scalar(foreign)
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    assert_eq!(foreign, 0);
    assert_refused(&database, TASK, &["delete from tasks._sqlx_migrations"]).await;
    assert_allowed(
        &database,
        MIGRATE,
        &["alter table auth.session add column mine int"],
    )
    .await;
}
