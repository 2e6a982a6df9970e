//! Rows that no RPC shows, and processes that follow each other on one database.

use std::time::{Duration, Instant};

use testing::Database;

use crate::world::{User, World};

/// How long a test waits for an expected event, and how often it looks.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// Waits until the statement, which counts, gives this number.
pub(crate) async fn becomes(database: &Database, statement: &str, expected: i64) {
    let mut conn = database.connect().await;
    let began = Instant::now();
    loop {
        let count = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(statement));
        let found = count.fetch_one(&mut conn).await.unwrap();
        if found == expected {
            return;
        }
        assert!(
            began.elapsed() < WAIT_TIMEOUT,
            "{statement}: {found}, not {expected}"
        );
        tokio::time::sleep(POLL).await;
    }
}

impl World {
    /// Another process of the service on the same database. It removes at once what has expired by now.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(&[]).await
    }

    /// The same, with settings.
    pub(crate) async fn restart_with(self, settings: &[(&str, &str)]) -> Self {
        let Self {
            clock, database, ..
        } = self;
        Self::on(database, clock, settings).await
    }

    /// The user of another process, as a user of this one.
    pub(crate) fn same(&self, user: &User) -> User {
        let mut same = self.user();
        same.id = user.id;
        same
    }

    /// Runs statements that no RPC runs.
    pub(crate) async fn execute(&self, statements: &str) {
        let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(statements));
        let mut conn = self.database.connect().await;
        statements.execute(&mut conn).await.unwrap();
    }

    /// Waits until the statement, which counts, gives this number.
    pub(crate) async fn becomes(&self, statement: &str, expected: i64) {
        becomes(&self.database, statement, expected).await;
    }
}
