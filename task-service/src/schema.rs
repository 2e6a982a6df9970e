//! The tables of this service.

use database::Schema;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/tasks");

/// The schema `tasks` and its migrations.
pub const SCHEMA: Schema = Schema {
    name: "tasks",
    migrations: &MIGRATIONS,
};

/// A fresh database with this schema.
#[cfg(test)]
pub(crate) async fn testing_database() -> testing::Database {
    testing::Database::with(&[SCHEMA]).await
}
