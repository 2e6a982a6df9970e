//! The previous release continues to serve while this one migrates. `migrations/previous.json` describes the previous release:
//! each of its statements with the types it expects, and each column with the properties it relies on. All of it must be true
//! for the newest schema.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde::{Deserialize, Serialize};
use sqlx::{
    AssertSqlSafe, Column as _, Either, Executor as _, PgConnection, SqlSafeStr as _,
    Statement as _, TypeInfo as _,
};
use testing::Database;

use super::catalog::{self, Column, columns, writes};
use crate::tools::workspace;

/// What a release relies on.
#[derive(Debug, Serialize, Deserialize)]
struct Release {
    statements: Vec<DescribedStatement>,
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DescribedStatement {
    sql: String,
    /// The types of the parameters.
    parameters: Vec<String>,
    /// The name and type of each column.
    columns: Vec<(String, String)>,
}

/// Asks the server for the parameters and columns of a statement.
async fn describe(connection: &mut PgConnection, sql: &str) -> Result<DescribedStatement, String> {
    let text = AssertSqlSafe(sql.to_owned()).into_sql_str();
    let prepared = connection
        .prepare(text)
        .await
        .map_err(|error| error.to_string())?;
    let parameters = match prepared.parameters() {
        Some(Either::Left(types)) => types.iter().map(|kind| kind.name().to_owned()).collect(),
        other => panic!("PostgreSQL describes parameters by their types: {other:?}"),
    };
    let column = |column: &sqlx::postgres::PgColumn| {
        (
            column.name().to_owned(),
            column.type_info().name().to_owned(),
        )
    };
    Ok(DescribedStatement {
        sql: sql.to_owned(),
        parameters,
        columns: prepared.columns().iter().map(column).collect(),
    })
}

/// The parts of a release that are not true for this database.
async fn differences(release: &Release, connection: &mut PgConnection) -> Vec<String> {
    let mut found = Vec::new();
    for statement in &release.statements {
        match describe(connection, &statement.sql).await {
            Ok(now) if now == *statement => {}
            Ok(now) => found.push(format!("another type: {statement:?} is {now:?}")),
            Err(error) => found.push(format!("{error}: {}", statement.sql)),
        }
    }
    found.extend(changes(&release.columns, &columns(connection).await));
    found
}

/// The changes of columns that a release relies on.
fn changes(before: &[Column], now: &[Column]) -> Vec<String> {
    let key = |column: &Column| (column.table.clone(), column.name.clone());
    let by_name: BTreeMap<_, _> = now.iter().map(|column| (key(column), column)).collect();
    let tables: BTreeSet<_> = before.iter().map(|column| &column.table).collect();
    let known: BTreeSet<_> = before.iter().map(key).collect();
    let mut found = Vec::new();
    for old in before {
        let name = format!("{}.{}", old.table, old.name);
        let Some(new) = by_name.get(&key(old)) else {
            found.push(format!("{name} is missing"));
            continue;
        };
        if new.kind != old.kind {
            found.push(format!("{name} is {}, no longer {}", new.kind, old.kind));
        }
        if new.nullable != old.nullable {
            found.push(format!("{name} changed whether it can be null"));
        }
        if old.optional && !new.optional {
            found.push(format!("{name} can no longer be left out"));
        }
    }
    for new in now {
        if tables.contains(&new.table) && !known.contains(&key(new)) && !new.optional {
            found.push(format!("{}.{} cannot be left out", new.table, new.name));
        }
    }
    found
}

/// The texts of all current statements, from the files that the compiler checks them with.
fn statements_of_today() -> BTreeSet<String> {
    let described = fs::read_dir(workspace().join(".sqlx")).unwrap();
    let query = |path: std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let described: serde_json::Value = serde_json::from_str(&text).unwrap();
        described["query"].as_str().unwrap().to_owned()
    };
    described
        .map(|entry| query(entry.unwrap().path()))
        .collect()
}

async fn release_of_today(connection: &mut PgConnection) -> Release {
    let mut statements = Vec::new();
    for sql in statements_of_today() {
        statements.push(describe(connection, &sql).await.unwrap());
    }
    Release {
        statements,
        columns: columns(connection).await,
    }
}

async fn newest() -> Database {
    Database::with(&[auth_service::SCHEMA, task_service::SCHEMA]).await
}

fn previous() -> Release {
    let text = fs::read_to_string(workspace().join("migrations/previous.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn every_statement_of_the_previous_release_works_on_the_newest_schema() {
    let database = newest().await;
    let mut connection = database.connect().await;
    if catalog::writes() {
        let release = release_of_today(&mut connection).await;
        let text = serde_json::to_string_pretty(&release).unwrap() + "\n";
        fs::write(workspace().join("migrations/previous.json"), text).unwrap();
    }
    let release = previous();
    assert!(
        release.statements.len() > 50,
        "{}",
        release.statements.len()
    );
    let found = differences(&release, &mut connection).await;
    assert!(found.is_empty(), "{found:#?}");
}

/// Migrations that break the previous release, and a part of the difference that must be found.
const BREAKING: [(&str, &str); 10] = [
    (
        "alter table auth.session drop column device_label",
        "auth.session.device_label is missing",
    ),
    (
        "alter table tasks.task alter column title type varchar(200)",
        "VARCHAR",
    ),
    (
        "alter table tasks.owner alter column live_count type bigint",
        "no longer integer",
    ),
    (
        "alter table auth.account rename column epoch to age",
        "\"epoch\" does not exist",
    ),
    (
        "alter table auth.throttle add column mood text not null",
        "auth.throttle.mood cannot be left out",
    ),
    (
        "alter table auth.session alter column ip set not null",
        "auth.session.ip changed whether it can be null",
    ),
    (
        "alter table auth.session alter column user_agent drop not null",
        "auth.session.user_agent changed",
    ),
    (
        "alter table auth.revocation alter column xact drop default",
        "auth.revocation.xact can no longer be left out",
    ),
    (
        "drop table auth.api_key",
        "relation \"auth.api_key\" does not exist",
    ),
    (
        "alter table auth.throttle drop constraint throttle_pkey",
        "constraint \"throttle_pkey\"",
    ),
];

#[tokio::test]
async fn a_migration_that_breaks_the_previous_release_is_found() {
    if writes() {
        return;
    }
    let release = previous();
    for (migration, difference) in BREAKING {
        let database = newest().await;
        let mut connection = database.connect().await;
        sqlx::raw_sql(migration)
            .execute(&mut connection)
            .await
            .unwrap();
        let found = differences(&release, &mut connection).await;
        assert!(
            found.iter().any(|one| one.contains(difference)),
            "{migration}: {found:#?}"
        );
    }
}

#[tokio::test]
async fn a_migration_that_only_adds_is_no_difference() {
    if writes() {
        return;
    }
    let database = newest().await;
    let mut connection = database.connect().await;
    let additions = "alter table auth.session add column mood text;
                alter table auth.account add column score bigint not null default 0;
                create table tasks.later (user_id uuid not null primary key)";
    sqlx::raw_sql(additions)
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(differences(&previous(), &mut connection).await, [""; 0]);
}
