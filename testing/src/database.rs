//! A fresh database for each test.
//!
//! Migrations run once per server and fingerprint, into a template. The database of a test is a copy of the template, which
//! takes a fraction of the time. Test processes that need the same template wait for one another on an advisory lock.
//!
//! The roles are those of a deployment: one role migrates and owns the tables, and a service that connects with
//! [`Database::url_as`] has the same rights as in a deployment.

use std::{
    fmt::Display,
    hash::{BuildHasher as _, RandomState},
    thread,
};

use database::Schema;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{blocking, server};

/// The roles of a deployment.
const ROLES: &str = include_str!("../../deploy/postgres/roles.sql");
/// The role that migrates.
const MIGRATION_ROLE: &str = "tandem_migrate";

/// A database of one test. It is dropped when the test passes. When the test panics, it is kept and its URL is printed.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    maintenance_url: String,
}

impl Database {
    /// A copy of the database that `migrate` creates, which gets the URL of an empty database.
    ///
    /// `fingerprint` identifies what `migrate` does: the same text promises the same schema, so it must change with every
    /// migration (the checksums of the migrations do). `migrate` runs only when there is no template for the fingerprint.
    pub async fn fresh<F, M, E>(fingerprint: &str, migrate: F) -> Self
    where
        F: FnOnce(String) -> M,
        M: Future<Output = Result<(), E>>,
        E: Display,
    {
        let maintenance_url = server::url().await;
        let mut connection = connect(&maintenance_url).await;
        let template = template(&mut connection, &maintenance_url, fingerprint, migrate).await;
        let name = format!("test_{:016x}", RandomState::new().hash_one(fingerprint));
        run(
            &mut connection,
            &format!("create database {name} template {template}"),
        )
        .await;
        close(connection).await;
        let url = server::with_database(&maintenance_url, &name);
        Self {
            name,
            url,
            maintenance_url,
        }
    }

    /// A database with the schemas of these services.
    pub async fn with(schemas: &[Schema]) -> Self {
        let migrations = schemas.iter().flat_map(|schema| schema.migrations.iter());
        let fingerprint = format!(
            "{ROLES} {:?}",
            migrations.map(|one| &one.checksum).collect::<Vec<_>>()
        );
        Self::fresh(&fingerprint, async |url| {
            create_roles(&url).await;
            for schema in schemas {
                schema
                    .migrate(&server::with_user(&url, MIGRATION_ROLE))
                    .await?;
            }
            Ok::<_, database::migrate::Error>(())
        })
        .await
    }

    /// A database with the roles and schemas of a deployment, and no tables yet.
    pub async fn with_roles() -> Self {
        let database = Self::empty().await;
        create_roles(database.url()).await;
        database
    }

    /// An empty database.
    pub async fn empty() -> Self {
        Self::fresh("empty", async |_| Ok::<_, String>(())).await
    }

    /// The URL to connect to it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL to connect to it as `role`. The server asks for no password.
    #[must_use]
    pub fn url_as(&self, role: &str) -> String {
        server::with_user(&self.url, role)
    }

    /// A connection to it.
    pub async fn connect(&self) -> PgConnection {
        connect(&self.url).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the test's database is kept: {}", self.url);
            return;
        }
        blocking::run(async {
            let mut connection = connect(&self.maintenance_url).await;
            let drop = format!("drop database if exists {} with (force)", self.name);
            run(&mut connection, &drop).await;
            close(connection).await;
        });
    }
}

/// Creates the roles of a deployment in the database at `url`.
async fn create_roles(url: &str) {
    let mut connection = connect(url).await;
    run(&mut connection, ROLES).await;
    close(connection).await;
}

/// The name of the migrated template for `fingerprint`. The template is created if there is none.
async fn template<F, M, E>(
    connection: &mut PgConnection,
    url: &str,
    fingerprint: &str,
    migrate: F,
) -> String
where
    F: FnOnce(String) -> M,
    M: Future<Output = Result<(), E>>,
    E: Display,
{
    let hash = fnv1a(fingerprint);
    let template = format!("template_{hash:016x}");
    if exists(connection, &template).await {
        return template;
    }
    let key = hash.cast_signed();
    run(connection, &format!("select pg_advisory_lock({key})")).await;
    if !exists(connection, &template).await {
        // Renamed only when complete, so that a process that ends half-way leaves no half-migrated template.
        let unfinished = format!("unfinished_{hash:016x}");
        run(
            connection,
            &format!("drop database if exists {unfinished} with (force)"),
        )
        .await;
        run(connection, &format!("create database {unfinished}")).await;
        let migrated = migrate(server::with_database(url, &unfinished)).await;
        migrated.unwrap_or_else(|error| panic!("the migrations do not apply: {error}"));
        run(
            connection,
            &format!("alter database {unfinished} rename to {template}"),
        )
        .await;
    }
    run(connection, &format!("select pg_advisory_unlock({key})")).await;
    template
}

/// Whether the server has a database with this name.
async fn exists(connection: &mut PgConnection, name: &str) -> bool {
    let found = sqlx::query_scalar("select exists (select from pg_database where datname = $1)");
    found
        .bind(name)
        .fetch_one(connection)
        .await
        .expect("the list of databases can be read")
}

/// Connects. Fails the test if that is impossible.
async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url)
        .await
        .unwrap_or_else(|error| panic!("cannot connect to {url}: {error}"))
}

/// Runs a statement. Fails the test if the statement fails.
async fn run(connection: &mut PgConnection, statement: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(connection)
        .await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Closes a connection.
async fn close(connection: PgConnection) {
    connection
        .close()
        .await
        .expect("the connection can be closed");
}

/// FNV-1a, since every test process must compute the same name.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
