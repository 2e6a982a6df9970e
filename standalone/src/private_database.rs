//! The private PostgreSQL, for services whose database is not set, and the migration of both schemas.

use database::Schema;
use embedded_postgres::{EmbeddedPostgres, Settings};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{data_folder::DataFolder, error::Error, plan::Plan};

/// The database in the private PostgreSQL.
const DATABASE: &str = "tandem";

/// Starts the private PostgreSQL in the folder; returns it with the URL of its database.
pub(crate) async fn start(
    plan: &Plan,
    folder: &DataFolder,
) -> Result<(EmbeddedPostgres, String), Error> {
    let settings = Settings {
        binaries: plan.postgres_binaries.clone(),
        ..Settings::durable(folder.path("postgres"))
    };
    let postgres = EmbeddedPostgres::start(settings).await?;
    postgres.create_database_if_missing(DATABASE).await?;
    let url = postgres.url(DATABASE);
    Ok((postgres, url))
}

/// Migrates the schemas of both services.
pub(crate) async fn migrate(plan: &Plan) -> Result<(), Error> {
    let auth = &plan.auth.database.url;
    let task = &plan.task.database.url;
    migrate_schema("auth service", auth, auth_service::SCHEMA).await?;
    migrate_schema("task service", task, task_service::SCHEMA).await
}

async fn migrate_schema(
    part: &'static str,
    url: &SecretString,
    schema: Schema,
) -> Result<(), Error> {
    let migrated = schema.migrate(url.expose_secret()).await;
    let report = migrated.map_err(|source| Error::Migration { part, source })?;
    tracing::info!(part, applied = ?report.applied, version = report.version, "the schema is up to date");
    Ok(())
}
