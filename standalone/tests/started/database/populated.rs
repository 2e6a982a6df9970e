//! Each migration on tables with rows: no row is lost or changed, and the services work on the result.

use std::collections::BTreeMap;

use database::{Schema, migrate};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use testing::Database;

use super::{
    catalog::{Column, columns},
    everyday,
    running::{RunningServices, until},
};

const EMAIL: &str = "old@example.org";

/// The rows of each table, as JSON.
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

/// Applies the first migrations of a schema, up to this number.
async fn migrate_to(database: &Database, schema: Schema, migrations: usize) {
    let some = schema.migrations.iter().take(migrations).cloned().collect();
    let options: PgConnectOptions = database.url_as("tandem_migrate").parse().unwrap();
    let migrator = Migrator::with_migrations(some);
    migrate::migrate(&options, &migrator, schema.name)
        .await
        .unwrap();
}

/// Inserts rows of the newest schema into the tables of an older one, which may have fewer columns. Rows without a value for a
/// required column are skipped.
async fn fill(connection: &mut PgConnection, newest: &Rows, schema: &str) {
    // This turns off foreign keys, so that the tables can be filled in any order.
    sqlx::raw_sql("set session_replication_role = replica")
        .execute(&mut *connection)
        .await
        .unwrap();
    for (table, columns) in tables(&columns(connection).await) {
        if !table.starts_with(&format!("{schema}.")) {
            continue;
        }
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let required = columns.iter().filter(|column| !column.nullable);
        let conditions: Vec<_> = required
            .map(|column| format!("{} is not null", column.name))
            .collect();
        let (names, conditions) = (names.join(", "), conditions.join(" and "));
        let insert = format!(
            "insert into {table} ({names}) overriding system value
             select {names} from jsonb_populate_recordset(null::{table}, $1::jsonb) where {conditions}"
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

/// Asserts that each earlier row still exists with its values.
async fn assert_kept(connection: &mut PgConnection, before: &Rows) {
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

/// The rows that the services of today write.
async fn rows_of_today() -> Rows {
    let database = Database::with(&[auth_service::SCHEMA, task_service::SCHEMA]).await;
    let running = RunningServices::start(database.url(), database.url()).await;
    everyday::use_everything(&running, EMAIL).await;
    let mut connection = database.connect().await;
    until(
        "the task service has read of a deleted account",
        async || {
            let recorded = sqlx::query_scalar("select count(*) from tasks.deleted_account");
            let recorded: i64 = recorded.fetch_one(&mut connection).await.unwrap();
            recorded > 0
        },
    )
    .await;
    let rows = rows(&mut connection).await;
    for (table, rows) in &rows {
        assert!(count(rows) > 0, "nothing in everyday.rs writes {table}");
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn each_migration_keeps_every_row_of_tables_of_every_age() {
    let newest = rows_of_today().await;
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
                assert_kept(&mut connection, &before).await;
                before = rows(&mut connection).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_work_on_rows_that_every_migration_was_applied_to() {
    let newest = rows_of_today().await;
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
    let running = RunningServices::start(&auth, &task).await;
    let tokens = everyday::sign_in(&running, EMAIL, everyday::PASSWORD)
        .await
        .unwrap();
    let titles = everyday::titles(&running, &tokens.access_token)
        .await
        .unwrap();
    assert_eq!(titles, ["Buy milk"]);
    everyday::use_everything(&running, "new@example.org").await;
}
