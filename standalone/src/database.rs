//! The database of parts that were given none, and the schemas of both services.

use embedded_postgres::{EmbeddedPostgres, Settings};
use secrecy::ExposeSecret as _;
use shared::database::migrate::{self, migrate};
use sqlx::migrate::Migrator;

use crate::{Error, folder::Folder, plan::Plan};

/// The database in the private PostgreSQL.
const NAME: &str = "tandem";

/// Starts the private PostgreSQL in the folder and gives it with the URL of its database.
pub(crate) async fn start(
    plan: &Plan,
    folder: &Folder,
) -> Result<(EmbeddedPostgres, String), Error> {
    let settings = Settings {
        binaries: plan.postgres_binaries.clone(),
        ..Settings::durable(folder.path("postgres"))
    };
    let postgres = EmbeddedPostgres::start(settings).await?;
    postgres.create_database_if_missing(NAME).await?;
    let url = postgres.url(NAME);
    Ok((postgres, url))
}

/// Brings both schemas up to date.
pub(crate) async fn bring_up_to_date(plan: &Plan) -> Result<(), Error> {
    use auth_service::schema;
    let auth = plan.auth.database.url.expose_secret();
    let task = plan.task.database.url.expose_secret();
    one("auth service", auth, &schema::MIGRATIONS, schema::SCHEMA).await?;
    let (migrations, schema) = (&task_service::MIGRATOR, task_service::SCHEMA);
    one("task service", task, migrations, schema).await
}

async fn one(
    part: &'static str,
    url: &str,
    migrations: &Migrator,
    schema: &str,
) -> Result<(), Error> {
    let migrated = async {
        let options = url.parse().map_err(migrate::Error::from)?;
        migrate(&options, migrations, schema).await
    };
    let report = migrated
        .await
        .map_err(|source| Error::Migration { part, source })?;
    tracing::info!(part, applied = ?report.applied, version = report.version, "the schema is up to date");
    Ok(())
}
