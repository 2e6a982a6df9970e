//! Migrations of a schema, one at a time and concurrently.

use database::migrate::{Error, check, migrate};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Executor as _, SqlSafeStr as _};

use crate::support::Postgres;
use crate::until;

const FIRST: &str = "create table entry (id int)";
const SECOND: &str = "alter table entry add column title text";

/// Migrations 1, 2, … of these texts.
fn migrations(texts: &[&'static str]) -> Migrator {
    let named: Vec<_> = texts.iter().map(|text| ("a step", *text)).collect();
    named_migrations(&named)
}

/// Migrations 1, 2, … of these descriptions and texts.
fn named_migrations(texts: &[(&'static str, &'static str)]) -> Migrator {
    let migration = |(version, (name, text)): (i64, &(&'static str, &'static str))| {
        let sql = text.into_sql_str();
        Migration::new(version, (*name).into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations((1..).zip(texts).map(migration).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_migrations_at_once_apply_everything_once() {
    let server = Postgres::start();
    let options = server.settings().connect_options().unwrap();
    let migrator = migrations(&[FIRST, SECOND]);
    let (one, other) = tokio::join!(
        migrate(&options, &migrator, "tasks"),
        migrate(&options, &migrator, "tasks"),
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!([&one.applied[..], &other.applied[..]].concat(), [1, 2]);
    assert_eq!((one.version, other.version), (Some(2), Some(2)));
    let versions = "select count(*) from tasks._sqlx_migrations where success";
    assert_eq!(server.count(versions).await, 2);
}

#[tokio::test]
async fn two_schemas_of_one_database_are_independent() {
    let server = Postgres::start();
    let options = server.settings().connect_options().unwrap();
    migrate(&options, &migrations(&[FIRST]), "auth")
        .await
        .unwrap();
    migrate(&options, &migrations(&[FIRST, SECOND]), "tasks")
        .await
        .unwrap();
    assert_eq!(
        server
            .count("select count(*) from auth._sqlx_migrations")
            .await,
        1
    );
    assert_eq!(
        server.count("select count(title) from tasks.entry").await,
        0
    );
}

#[tokio::test]
async fn a_schema_that_lacks_migrations_is_refused_with_advice() {
    let server = Postgres::start();
    let options = server.settings().connect_options().unwrap();
    let newer = migrations(&[FIRST, SECOND]);
    let mut connection = server.connect().await;
    let empty = check(&mut connection, &newer, "tasks").await.unwrap_err();
    assert!(
        matches!(empty, Error::Behind { missing: 1, .. }),
        "{empty:?}"
    );

    migrate(&options, &migrations(&[FIRST]), "tasks")
        .await
        .unwrap();
    let behind = check(&mut connection, &newer, "tasks").await.unwrap_err();
    assert!(
        matches!(behind, Error::Behind { missing: 2, .. }),
        "{behind:?}"
    );
    assert_eq!(
        behind.to_string(),
        "schema tasks lacks migration 2: run this binary's `migrate` command"
    );

    migrate(&options, &newer, "tasks").await.unwrap();
    check(&mut connection, &newer, "tasks").await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_serves_the_previous_release_and_its_migrate_command() {
    let server = Postgres::start();
    let options = server.settings().connect_options().unwrap();
    let older = migrations(&[FIRST]);
    migrate(&options, &migrations(&[FIRST, SECOND]), "tasks")
        .await
        .unwrap();
    check(&mut server.connect().await, &older, "tasks")
        .await
        .unwrap();
    let report = migrate(&options, &older, "tasks").await.unwrap();
    assert_eq!((report.applied, report.version), (vec![], Some(2)));
}

#[tokio::test]
async fn a_schema_without_what_an_old_binary_uses_is_refused_by_old_binaries_only() {
    let server = Postgres::start();
    let options = server.settings().connect_options().unwrap();
    let steps = [
        ("add entry", FIRST),
        ("add title", SECOND),
        ("drop id needs 0002", "alter table entry drop column id"),
    ];
    migrate(&options, &named_migrations(&steps), "tasks")
        .await
        .unwrap();
    let mut connection = server.connect().await;
    for able in [&steps[..2], &steps[..]] {
        let able = named_migrations(able);
        check(&mut connection, &able, "tasks").await.unwrap();
    }
    let too_old = named_migrations(&steps[..1]);
    let error = check(&mut connection, &too_old, "tasks").await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Ahead {
                version: 3,
                needs: 2,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn unqualified_names_of_a_migration_are_created_in_its_schema() {
    let server = Postgres::start();
    // As behind a pooler that drops start-up options.
    let options = server.settings().connect_options().unwrap();
    migrate(&options, &migrations(&[FIRST]), "tasks")
        .await
        .unwrap();
    let elsewhere = "select count(*) from pg_class where relname in ('entry', '_sqlx_migrations')
                     and relnamespace <> 'tasks'::regnamespace";
    assert_eq!(server.count(elsewhere).await, 0);
}

#[tokio::test]
async fn a_migration_changed_after_it_was_applied_is_refused() {
    let server = Postgres::start();
    let options = server.settings().connect_options().unwrap();
    migrate(&options, &migrations(&[FIRST]), "tasks")
        .await
        .unwrap();
    let changed = migrations(&["create table entry (id bigint)", SECOND]);
    let error = migrate(&options, &changed, "tasks").await.unwrap_err();
    assert!(
        matches!(error, Error::Diverged { version: 1, .. }),
        "{error:?}"
    );
    let error = check(&mut server.connect().await, &changed, "tasks")
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Diverged { version: 1, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_failing_migration_keeps_those_before_it() {
    let server = Postgres::start();
    let options = server.settings().connect_options().unwrap();
    let failing = migrations(&[FIRST, "create table other (id int); select from nowhere"]);
    let error = migrate(&options, &failing, "tasks").await.unwrap_err();
    assert!(matches!(error, Error::Migration(_)), "{error:?}");
    let others = "select count(*) from pg_class where relname = 'other'";
    assert_eq!(server.count(others).await, 0);
    let report = migrate(&options, &migrations(&[FIRST, SECOND]), "tasks")
        .await
        .unwrap();
    assert_eq!(report.applied, [2]);
}

#[tokio::test]
async fn an_invalid_schema_name_is_refused() {
    let server = Postgres::start();
    let options = server.settings().connect_options().unwrap();
    for name in ["", "Tasks", "1tasks", "tasks; drop table entry", "täsks"] {
        let error = migrate(&options, &migrations(&[]), name).await.unwrap_err();
        assert!(matches!(error, Error::Name(_)), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_waits_for_a_busy_table_without_blocking_its_readers_for_long() {
    let server = Postgres::start();
    let options = server.settings().connect_options().unwrap();
    migrate(&options, &migrations(&[FIRST]), "tasks")
        .await
        .unwrap();
    let mut reader = server.connect().await;
    let rollbacks = "select xact_rollback from pg_stat_database where datname = 'postgres'";
    let before = server.count(rollbacks).await;
    reader
        .execute("begin; select from tasks.entry")
        .await
        .unwrap();
    let migrating =
        tokio::spawn(
            async move { migrate(&options, &migrations(&[FIRST, SECOND]), "tasks").await },
        );
    until(async || server.count(rollbacks).await > before).await;
    reader.execute("commit").await.unwrap();
    assert_eq!(migrating.await.unwrap().unwrap().applied, [2]);
}
