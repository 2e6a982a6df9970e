//! A database that the service loses, and gets back.

use sqlx::{AssertSqlSafe, ConnectOptions as _, postgres::PgConnectOptions};

use crate::world::World;

impl World {
    /// Ends the connections to the database and allows no new ones.
    pub(crate) async fn cut_database(&self) {
        self.administer(|name| {
            vec![
                format!("alter database {name} allow_connections false"),
                format!(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
                ),
            ]
        })
        .await;
    }

    /// Allows connections again.
    pub(crate) async fn restore_database(&self) {
        self.administer(|name| vec![format!("alter database {name} allow_connections true")])
            .await;
    }

    async fn administer(&self, statements: impl FnOnce(&str) -> Vec<String>) {
        let options: PgConnectOptions = self.database.url().parse().unwrap();
        let name = options.get_database().unwrap().to_owned();
        let mut connection = options.database("postgres").connect().await.unwrap();
        for statement in statements(&name) {
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }
}
