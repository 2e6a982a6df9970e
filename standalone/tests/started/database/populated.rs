//! Each migration on tables with rows in them: they come through whole, and the services work on them.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::{database::migrate, readiness::Schema};
use sqlx::{AssertSqlSafe, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use testing::Database;

use super::{
    catalog::{Column, columns},
    everyday,
    running::Running,
};

const EMAIL: &str = "old@example.org";

/// Rows of each table, as JSON.
type Rows = BTreeMap<String, Value>;

fn tables(columns: &[Column]) -> BTreeMap<String, Vec<Column>> {
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for column in columns {
        tables
            .entry(column.table.clone())
            .or_default()
            .push(column.clone());
    }
    tables
}

async fn rows(connection: &mut PgConnection) -> Rows {
    let mut rows = Rows::new();
    for table in tables(&columns(connection).await).into_keys() {
        let select = format!("select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text from {table} t");
        let text: String = sqlx::query_scalar(AssertSqlSafe(select))
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        rows.insert(table, serde_json::from_str(&text).unwrap());
    }
    rows
}

fn count(rows: &Value) -> usize {
    rows.as_array().unwrap().len()
}

/// Brings one schema of `database` to its version `version`, by as many migrations.
async fn migrate_to(database: &Database, schema: Schema, migrations: usize) {
    let some = schema.migrations.iter().take(migrations).cloned().collect();
    let options: PgConnectOptions = database.url_as("tandem_migrate").parse().unwrap();
    let migrator = Migrator::with_migrations(some);
    migrate::migrate(&options, &migrator, schema.name)
        .await
        .unwrap();
}

/// Puts rows of the newest schema into tables that have only some of its columns; those are left out that the older tables
/// do not take.
async fn fill(connection: &mut PgConnection, newest: &Rows, schema: &str) {
    // No foreign keys meanwhile: tables are filled in any order.
    sqlx::raw_sql("set session_replication_role = replica")
        .execute(&mut *connection)
        .await
        .unwrap();
    for (table, columns) in tables(&columns(connection).await) {
        if !table.starts_with(&format!("{schema}.")) {
            continue;
        }
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let needed = columns.iter().filter(|column| !column.nullable);
        let taken: Vec<_> = needed
            .map(|column| format!("{} is not null", column.name))
            .collect();
        let (names, taken) = (names.join(", "), taken.join(" and "));
        let insert = format!(
            "insert into {table} ({names}) overriding system value
             select {names} from jsonb_populate_recordset(null::{table}, $1::jsonb) where {taken}"
        );
        let filled = sqlx::query(AssertSqlSafe(insert))
            .bind(newest[&table].to_string())
            .execute(&mut *connection)
            .await
            .unwrap();
        assert!(filled.rows_affected() > 0, "no row for {table}");
    }
    sqlx::raw_sql("reset session_replication_role")
        .execute(connection)
        .await
        .unwrap();
}

/// Claims that each row from before is still there, with what it held.
async fn assert_whole(connection: &mut PgConnection, before: &Rows) {
    for (table, rows) in before {
        let lost = format!(
            "select count(*) from jsonb_array_elements($1::jsonb) old
             where not exists (select from {table} t where to_jsonb(t) @> old)"
        );
        let lost: i64 = sqlx::query_scalar(AssertSqlSafe(lost))
            .bind(rows.to_string())
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        assert_eq!(lost, 0, "of {} rows of {table}", count(rows));
    }
}

/// A lived-in database of today: its rows, while the services run.
async fn lived_in() -> Rows {
    let database = Database::with(&[auth_service::SCHEMA, task_service::SCHEMA]).await;
    let running = Running::start(database.url(), database.url()).await;
    everyday::live(&running, EMAIL).await;
    let rows = rows(&mut database.connect().await).await;
    for (table, rows) in &rows {
        assert!(count(rows) > 0, "nothing in everyday.rs writes {table}");
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn each_migration_keeps_every_row_and_the_services_work_on_tables_of_every_age() {
    let newest = lived_in().await;
    for schema in [auth_service::SCHEMA, task_service::SCHEMA] {
        let all = schema.migrations.iter().count();
        for age in 1..all {
            let database = Database::with_roles().await;
            migrate_to(&database, schema, age).await;
            let mut connection = database.connect().await;
            fill(&mut connection, &newest, schema.name).await;
            let mut before = rows(&mut connection).await;
            for migrations in age + 1..=all {
                migrate_to(&database, schema, migrations).await;
                assert_whole(&mut connection, &before).await;
                before = rows(&mut connection).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_work_on_rows_that_came_through_every_migration() {
    let newest = lived_in().await;
    let database = Database::with_roles().await;
    for schema in [auth_service::SCHEMA, task_service::SCHEMA] {
        migrate_to(&database, schema, 1).await;
        fill(&mut database.connect().await, &newest, schema.name).await;
        migrate_to(&database, schema, usize::MAX).await;
    }
    let (auth, task) = (
        database.url_as("tandem_auth"),
        database.url_as("tandem_task"),
    );
    let running = Running::start(&auth, &task).await;
    let tokens = everyday::sign_in(&running, EMAIL, everyday::PASSWORD)
        .await
        .unwrap();
    let titles = everyday::titles(&running, &tokens.access_token)
        .await
        .unwrap();
    assert_eq!(titles, ["Buy milk"]);
    everyday::live(&running, "new@example.org").await;
}
