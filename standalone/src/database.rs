//! The database of parts that were given none, and the schemas of both services.

use embedded_postgres::{EmbeddedPostgres, PostgresSettings};
use secrecy::{ExposeSecret as _, SecretString};
use shared::readiness::Schema;

use crate::{Error, folder::Folder, plan::Plan};

/// The database in the private PostgreSQL.
const NAME: &str = "tandem";

/// Starts the private PostgreSQL in the folder and gives it with the URL of its database.
pub(crate) async fn start(
    plan: &Plan,
    folder: &Folder,
) -> Result<(EmbeddedPostgres, String), Error> {
    let settings = PostgresSettings {
        binaries: plan.postgres_binaries.clone(),
        ..PostgresSettings::durable(folder.path("postgres"))
    };
    let postgres = EmbeddedPostgres::start(settings).await?;
    postgres.create_database_if_missing(NAME).await?;
    let url = postgres.url(NAME);
    Ok((postgres, url))
}

/// Brings both schemas up to date.
pub(crate) async fn bring_up_to_date(plan: &Plan) -> Result<(), Error> {
    let auth = &plan.auth.database.url;
    let task = &plan.task.database.url;
    one("auth service", auth, auth_service::SCHEMA).await?;
    one("task service", task, task_service::SCHEMA).await
}

async fn one(part: &'static str, url: &SecretString, schema: Schema) -> Result<(), Error> {
    let migrated = schema.migrate(url.expose_secret()).await;
    let report = migrated.map_err(|source| Error::Migration { part, source })?;
    tracing::info!(part, applied = ?report.applied, version = report.version, "the schema is up to date");
    Ok(())
}
