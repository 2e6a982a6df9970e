//! Compares the migrations that a schema has with those that the binary knows.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use sqlx::migrate::{Migration, Migrator};
use sqlx::postgres::PgConnection;

use super::{Error, TABLE};

/// A migration that the schema has.
pub(super) struct Applied {
    checksum: Vec<u8>,
    description: String,
}

/// The migrations of the schema, by version; empty if it has no migrations table yet.
pub(super) async fn applied(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<BTreeMap<i64, Applied>, Error> {
    let table = format!("{schema}.{TABLE}");
    let exists: bool = sqlx::query_scalar("select to_regclass($1) is not null")
        .bind(&table)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(BTreeMap::new());
    }
    let select = format!("select version, checksum, description from {table} where success");
    let rows: Vec<(i64, Vec<u8>, String)> = sqlx::query_as(AssertSqlSafe(select))
        .fetch_all(&mut *connection)
        .await?;
    let applied = |(version, checksum, description)| {
        let applied = Applied {
            checksum,
            description,
        };
        (version, applied)
    };
    Ok(rows.into_iter().map(applied).collect())
}

/// The migrations that the schema lacks, in order. An error if the schema has a migration that this binary does not accept.
pub(super) fn pending<'m>(
    migrator: &'m Migrator,
    applied: &BTreeMap<i64, Applied>,
    schema: &str,
) -> Result<Vec<&'m Migration>, Error> {
    let known: BTreeMap<i64, &Migration> = migrator
        .iter()
        .filter(|migration| !migration.migration_type.is_down_migration())
        .map(|migration| (migration.version, migration))
        .collect();
    let newest = known.keys().next_back().copied().unwrap_or(i64::MIN);
    for (&version, found) in applied {
        let schema = || schema.to_owned();
        let differs = match known.get(&version) {
            Some(migration) => migration.checksum[..] != found.checksum[..],
            None => version < newest,
        };
        if differs {
            return Err(Error::Diverged {
                schema: schema(),
                version,
            });
        }
        if let Some(needs) = needs(&found.description).filter(|needs| *needs > newest) {
            return Err(Error::Ahead {
                schema: schema(),
                version,
                needs,
            });
        }
    }
    let lacks = |migration: &&Migration| !applied.contains_key(&migration.version);
    Ok(known.into_values().filter(lacks).collect())
}

/// The version in a description such as `drop mood needs 0007`.
fn needs(description: &str) -> Option<i64> {
    let (_, version) = description.rsplit_once("needs ")?;
    version.parse().ok()
}
