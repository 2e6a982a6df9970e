//! The PostgreSQL server of one test, and queries outside of lanes.

use std::ops::Deref;

use database::Settings;
use secrecy::SecretString;
use sqlx::Executor as _;
use testing::PostgresServer;

#[derive(Debug)]
pub(crate) struct Postgres(PostgresServer);

impl Postgres {
    pub(crate) fn start() -> Self {
        Self(PostgresServer::start())
    }

    /// The settings of lanes to this server.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            url: SecretString::from(self.url()),
            ..Settings::default()
        }
    }

    /// Runs statements on a connection that belongs to no lane.
    pub(crate) async fn execute(&self, sql: &'static str) {
        self.connect().await.execute(sql).await.unwrap();
    }

    /// Runs a query of one number on a connection that belongs to no lane.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = self.connect().await;
        sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }
}

impl Deref for Postgres {
    type Target = PostgresServer;

    fn deref(&self) -> &PostgresServer {
        &self.0
    }
}
