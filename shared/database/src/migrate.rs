//! Migrates a schema to the version that a binary needs, and checks the version.
//!
//! Each service has one schema with its own migrations table in it, so that two services can share a database.
//! Migrating is a separate step; servers only [`check`]. Migrations are add-only, and each keeps the previous
//! release working: a binary accepts a schema newer than itself, never an older one. A migration that removes something
//! names the oldest migration that a binary must know to work without it (`0009_drop_mood_needs_0007.sql`). Older binaries are
//! not ready after it.

mod error;
mod history;

use std::process::ExitCode;
use std::time::Duration;

use sqlx::migrate::{Migrate as _, MigrateError, Migration, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tokio::time::{Instant, sleep, timeout};

pub use self::error::Error;

use self::history::{applied, pending};
use crate::link;

/// sqlx's name for its table; without a schema it is found through `search_path`.
const TABLE: &str = "_sqlx_migrations";

/// The name in `pg_stat_activity`.
const APPLICATION_NAME: &str = "tandem-migrate";

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long this migration waits for another one, and how often it checks.
const LOCK_WAIT_TIMEOUT: Duration = Duration::from_mins(1);
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How often a migration is tried that could not lock a table within `lock_timeout`, and the delay between two attempts.
const LOCK_ATTEMPTS: u32 = 10;
const LOCK_RETRY_DELAY: Duration = Duration::from_millis(500);

/// The limit of waiting for a table lock, because all readers of the table wait meanwhile.
const LOCK_TIMEOUT: &str = "3s";

/// SQLSTATE `lock_not_available`.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// What a migration did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The versions applied by this call, in order; empty if the schema was up to date.
    pub applied: Vec<i64>,
    /// The newest version of the schema.
    pub version: Option<i64>,
}

/// Creates the schema if it is missing and applies what it lacks, on a connection of its own.
///
/// Several may run at once: one migrates, and the others wait and then find nothing to do. They wait by polling, because a session
/// blocked in `pg_advisory_lock` holds a snapshot that `create index concurrently` waits for.
pub async fn migrate(
    options: &PgConnectOptions,
    migrator: &Migrator,
    schema: &str,
) -> Result<Report, Error> {
    verify_name(schema)?;
    let mut connection = connect(options, schema).await?;
    lock(&mut connection, schema).await?;
    let report = apply(&mut connection, migrator, schema).await?;
    // The lock ends with the session.
    connection.close().await?;
    Ok(report)
}

/// The `migrate` command of a binary: logs the result, and returns the exit code ([`Error::exit_code`]).
pub async fn command(options: &PgConnectOptions, migrator: &Migrator, schema: &str) -> ExitCode {
    match migrate(options, migrator, schema).await {
        Ok(Report { applied, version }) => {
            tracing::info!(schema, ?applied, version, "the schema is up to date");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(schema, %error, cause, "the schema is not up to date");
            ExitCode::from(error.exit_code())
        }
    }
}

/// A session for migrating. Its parameters are set by statements, because PgBouncer drops start-up options.
async fn connect(options: &PgConnectOptions, schema: &str) -> Result<PgConnection, Error> {
    link::warn_if_unverified(options);
    let options = options.clone().application_name(APPLICATION_NAME);
    let connecting = timeout(CONNECT_TIMEOUT, options.connect()).await;
    let mut connection = connecting.unwrap_or_else(|late| Err(sqlx::Error::Io(late.into())))?;
    let set = format!(
        "set search_path = {schema}; set lock_timeout = '{LOCK_TIMEOUT}'; set statement_timeout = 0"
    );
    connection.execute(AssertSqlSafe(set)).await?;
    Ok(connection)
}

/// Checks that the schema has every migration that this binary knows, unchanged. Newer migrations are accepted, unless one needs
/// a newer binary.
pub async fn check(
    connection: &mut PgConnection,
    migrator: &Migrator,
    schema: &str,
) -> Result<(), Error> {
    verify_name(schema)?;
    let applied = applied(connection, schema).await?;
    match pending(migrator, &applied, schema)?.first() {
        Some(missing) => Err(Error::Behind {
            schema: schema.to_owned(),
            missing: missing.version,
        }),
        None => Ok(()),
    }
}

fn verify_name(schema: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if schema.starts_with(|c: char| c.is_ascii_lowercase()) && schema.chars().all(plain) {
        Ok(())
    } else {
        Err(Error::Name(schema.to_owned()))
    }
}

async fn lock(connection: &mut PgConnection, schema: &str) -> Result<(), Error> {
    let deadline = Instant::now() + LOCK_WAIT_TIMEOUT;
    let mut logged = false;
    loop {
        let locked: bool = sqlx::query_scalar(
            "select pg_try_advisory_lock(hashtextextended('migrate ' || $1, 0))",
        )
        .bind(schema)
        .fetch_one(&mut *connection)
        .await?;
        if locked {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Error::Busy(schema.to_owned()));
        }
        if !std::mem::replace(&mut logged, true) {
            tracing::info!(schema, "another migration is running; waiting for it");
        }
        sleep(LOCK_POLL_INTERVAL).await;
    }
}

async fn apply(
    connection: &mut PgConnection,
    migrator: &Migrator,
    schema: &str,
) -> Result<Report, Error> {
    // Checked first: `if not exists` needs the right to create schemas even where there is nothing to create.
    let missing: bool = sqlx::query_scalar("select to_regnamespace($1) is null")
        .bind(schema)
        .fetch_one(&mut *connection)
        .await?;
    if missing {
        let create = AssertSqlSafe(format!("create schema {schema}"));
        connection.execute(create).await?;
        tracing::info!(schema, "created the schema");
    }
    connection.ensure_migrations_table(TABLE).await?;
    let before = applied(connection, schema).await?;
    let pending = pending(migrator, &before, schema)?;
    for migration in &pending {
        let began = Instant::now();
        apply_one(connection, migration).await?;
        let (version, what) = (migration.version, &*migration.description);
        tracing::info!(schema, version, what, took = ?began.elapsed(), "applied a migration");
    }
    let applied: Vec<i64> = pending.iter().map(|migration| migration.version).collect();
    let version = before.keys().chain(&applied).max().copied();
    Ok(Report { applied, version })
}

/// Applies one migration, and retries if a table that it must lock is busy. A migration outside a transaction is not retried,
/// because it may be half applied.
async fn apply_one(connection: &mut PgConnection, migration: &Migration) -> Result<(), Error> {
    for _ in 1..LOCK_ATTEMPTS {
        match connection.apply(TABLE, migration).await {
            Err(error) if !migration.no_tx && is_lock_timeout(&error) => {
                tracing::info!(version = migration.version, "waiting for a table lock");
                sleep(LOCK_RETRY_DELAY).await;
            }
            outcome => {
                outcome?;
                return Ok(());
            }
        }
    }
    connection.apply(TABLE, migration).await?;
    Ok(())
}

fn is_lock_timeout(error: &MigrateError) -> bool {
    let (MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) = error else {
        return false;
    };
    cause
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}
