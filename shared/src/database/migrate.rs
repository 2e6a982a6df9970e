//! Bringing a schema to the version a binary needs, and checking that it is there.
//!
//! Each service has one schema with its own migrations table in it, so that two services can share a database.
//! Migrating is a step of its own; servers only [`check`]. Migrations are add-only, and each keeps the previous
//! release working: a binary accepts a schema newer than itself, never an older one.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::migrate::{Migrate as _, MigrateError, Migration, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tokio::time::{Instant, sleep};

use super::UnitError;

/// sqlx's name for its table; without a schema it is found through `search_path`.
const TABLE: &str = "_sqlx_migrations";

/// How long another migration may take before this one gives up, and how often it looks.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

/// How often a migration is tried that could not lock a table within `lock_timeout`, and the pause between.
const LOCK_ATTEMPTS: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// A table lock waited for longer than this would queue every reader behind it.
const LOCK_TIMEOUT: &str = "3s";

/// SQLSTATE `lock_not_available`.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// What a migration did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The versions applied now, in order; empty if the schema was up to date.
    pub applied: Vec<i64>,
    /// The newest version the schema has.
    pub version: Option<i64>,
}

/// Why a schema is not what the binary needs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not answer, or refused.
    #[error(transparent)]
    Database(#[from] super::Error),
    /// A migration failed; those before it are applied.
    #[error(transparent)]
    Migration(#[from] MigrateError),
    /// Schema names are lower-case ASCII letters, digits and underscores, since they are written into statements.
    #[error("{0:?} is not a schema name")]
    Name(String),
    /// Another migration held the lock for a minute.
    #[error("another migration of schema {0} is still running")]
    Busy(String),
    /// Migrations are missing.
    #[error("schema {schema} lacks migration {missing}: run this binary's `migrate` command")]
    Behind {
        /// The schema.
        schema: String,
        /// The first version it lacks.
        missing: i64,
    },
    /// A migration was changed after it was applied, or the schema has one that this binary should know and does not.
    #[error("schema {schema} was migrated with another migration {version}")]
    Diverged {
        /// The schema.
        schema: String,
        /// The version that differs.
        version: i64,
    },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl UnitError for Error {
    fn database(&self) -> Option<&super::Error> {
        match self {
            Self::Database(error) => Some(error),
            Self::Migration(_)
            | Self::Name(_)
            | Self::Busy(_)
            | Self::Behind { .. }
            | Self::Diverged { .. } => None,
        }
    }
}

/// Creates the schema if it is missing and applies what it lacks, on a connection of its own.
///
/// Any number may run at once: one works, the others wait (polling, since a session blocked in `pg_advisory_lock` holds a
/// snapshot that `create index concurrently` waits for) and find nothing left to do.
pub async fn migrate(
    options: &PgConnectOptions,
    migrator: &Migrator,
    schema: &str,
) -> Result<Report, Error> {
    verify_name(schema)?;
    let options = options.clone().options([
        ("search_path", schema),
        ("lock_timeout", LOCK_TIMEOUT),
        ("statement_timeout", "0"),
    ]);
    let mut connection = options.connect().await?;
    lock(&mut connection, schema).await?;
    let report = apply(&mut connection, migrator, schema).await?;
    // The lock ends with the session.
    connection.close().await?;
    Ok(report)
}

/// Whether the schema has every migration this binary knows, unchanged. Newer ones are accepted.
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
    let give_up = Instant::now() + LONGEST_WAIT;
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
        if Instant::now() >= give_up {
            return Err(Error::Busy(schema.to_owned()));
        }
        sleep(POLL).await;
    }
}

async fn apply(
    connection: &mut PgConnection,
    migrator: &Migrator,
    schema: &str,
) -> Result<Report, Error> {
    // Asked first: `if not exists` needs the right to create schemas even where there is nothing to create.
    let missing: bool = sqlx::query_scalar("select to_regnamespace($1) is null")
        .bind(schema)
        .fetch_one(&mut *connection)
        .await?;
    if missing {
        let create = AssertSqlSafe(format!("create schema {schema}"));
        connection.execute(create).await?;
    }
    connection.ensure_migrations_table(TABLE).await?;
    let before = applied(connection, schema).await?;
    let pending = pending(migrator, &before, schema)?;
    for migration in &pending {
        apply_one(connection, migration).await?;
    }
    let applied: Vec<i64> = pending.iter().map(|migration| migration.version).collect();
    let version = before.keys().chain(&applied).max().copied();
    Ok(Report { applied, version })
}

/// Applies one migration, again if a table it must lock is busy. One outside a transaction is not tried again, since it
/// may be half done.
async fn apply_one(connection: &mut PgConnection, migration: &Migration) -> Result<(), Error> {
    for _ in 1..LOCK_ATTEMPTS {
        match connection.apply(TABLE, migration).await {
            Err(error) if !migration.no_tx && is_lock_timeout(&error) => {
                tracing::info!(version = migration.version, "waiting for a table lock");
                sleep(LOCK_PAUSE).await;
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

/// Version and checksum of what the schema has; nothing if it has no migrations table yet.
async fn applied(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<BTreeMap<i64, Vec<u8>>, Error> {
    let table = format!("{schema}.{TABLE}");
    let exists: bool = sqlx::query_scalar("select to_regclass($1) is not null")
        .bind(&table)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(BTreeMap::new());
    }
    let select = format!("select version, checksum from {table} where success");
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(AssertSqlSafe(select))
        .fetch_all(&mut *connection)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The migrations the schema lacks, in order, once those it has are found to be the binary's own.
fn pending<'m>(
    migrator: &'m Migrator,
    applied: &BTreeMap<i64, Vec<u8>>,
    schema: &str,
) -> Result<Vec<&'m Migration>, Error> {
    let known: BTreeMap<i64, &Migration> = migrator
        .iter()
        .filter(|migration| !migration.migration_type.is_down_migration())
        .map(|migration| (migration.version, migration))
        .collect();
    let newest = known.keys().next_back().copied().unwrap_or(i64::MIN);
    let differs = |(version, checksum): &(&i64, &Vec<u8>)| match known.get(version) {
        Some(migration) => migration.checksum[..] != checksum[..],
        None => **version < newest,
    };
    if let Some((version, _)) = applied.iter().find(differs) {
        return Err(Error::Diverged {
            schema: schema.to_owned(),
            version: *version,
        });
    }
    let lacks = |migration: &&Migration| !applied.contains_key(&migration.version);
    Ok(known.into_values().filter(lacks).collect())
}
