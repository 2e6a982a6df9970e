//! A fresh database for each test.
//!
//! Migrations run once per server and fingerprint, into a template; a test's database is a copy of it, made in a fraction of
//! the time. Test processes that race for the template wait for one another on an advisory lock.
//!
//! The roles are those of a deployment: one migrates and owns, and a service that is given [`Database::url_as`] can do
//! there what it could in a deployment and no more.

use std::{fmt::Display, hash::BuildHasher as _, hash::RandomState, thread};

use shared::readiness::Schema;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::server;

/// The roles of a deployment.
const ROLES: &str = include_str!("../../deploy/postgres/roles.sql");
/// Who migrates in it.
const MIGRATES: &str = "tandem_migrate";
/// A database of one test. Dropped with the test when it passes; kept, and its URL printed, when it panics.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    maintenance_url: String,
}

impl Database {
    /// A database as `migrate` leaves it, given the URL of an empty one.
    ///
    /// `fingerprint` names what `migrate` does: the same text promises the same schema, so it should change with every
    /// migration (their checksums, say). `migrate` runs only when no database of that fingerprint was made before.
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
            make_roles(&url).await;
            for schema in schemas {
                schema.migrate(&server::with_user(&url, MIGRATES)).await?;
            }
            Ok::<_, shared::database::migrate::Error>(())
        })
        .await
    }

    /// A database with the roles and schemas of a deployment, and no tables yet.
    pub async fn with_roles() -> Self {
        let database = Self::empty().await;
        make_roles(database.url()).await;
        database
    }

    /// A database with nothing in it.
    pub async fn empty() -> Self {
        Self::fresh("empty", async |_| Ok::<_, String>(())).await
    }

    /// The URL to connect to it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL to connect to it as `role`, which the server lets in without a password.
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
        let drop = format!("drop database if exists {} with (force)", self.name);
        let url = self.maintenance_url.clone();
        // A thread of its own, since the test's runtime is busy with this very drop.
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime can be made").block_on(async {
                let mut connection = connect(&url).await;
                run(&mut connection, &drop).await;
                close(connection).await;
            });
        });
        dropped
            .join()
            .expect("the database of a test that passed can be dropped");
    }
}

/// Makes the roles of a deployment in the database at `url`.
async fn make_roles(url: &str) {
    let mut connection = connect(url).await;
    run(&mut connection, ROLES).await;
    close(connection).await;
}

/// The name of the migrated template of `fingerprint`, which is made if it is not there.
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
        // Renamed only when whole: a process that dies half-way leaves no half-migrated template.
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

/// Whether the server has a database of that name.
async fn exists(connection: &mut PgConnection, name: &str) -> bool {
    let found = sqlx::query_scalar("select exists (select from pg_database where datname = $1)");
    found
        .bind(name)
        .fetch_one(connection)
        .await
        .expect("the list of databases can be read")
}

/// Connects, or fails the test.
async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url)
        .await
        .unwrap_or_else(|error| panic!("cannot connect to {url}: {error}"))
}

/// Runs a statement, or fails the test.
async fn run(connection: &mut PgConnection, statement: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(connection)
        .await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Says goodbye to the server.
async fn close(connection: PgConnection) {
    connection
        .close()
        .await
        .expect("the server takes a goodbye");
}

/// FNV-1a: every test process must find the same template.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
