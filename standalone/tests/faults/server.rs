//! A PostgreSQL server that can be killed, stopped and made read-only, behind a network that can hold packets back.

use sqlx::{AssertSqlSafe, Executor as _};
use testing::{PostgresServer, Proxy};

#[derive(Debug)]
pub(crate) struct FaultyServer {
    pub(crate) postgres: PostgresServer,
    pub(crate) network: Proxy,
}

impl FaultyServer {
    pub(crate) async fn start() -> Self {
        let postgres = PostgresServer::start();
        let network = Proxy::to(postgres.socket()).await;
        Self { postgres, network }
    }

    /// The URL for clients, through the network.
    pub(crate) fn url(&self) -> String {
        let address = self.network.address();
        format!("postgres://postgres@{address}/postgres?sslmode=disable")
    }

    /// Makes it refuse writes, like a primary that was demoted, or accept them again.
    pub(crate) async fn set_read_only(&self, on: bool) {
        let set = format!("alter system set default_transaction_read_only = {on}");
        let mut connection = self.postgres.connect().await;
        // The session itself may be read-only at this point.
        let statements = [
            "set default_transaction_read_only = off",
            &set,
            "select pg_reload_conf()",
        ];
        for statement in statements {
            let statement = AssertSqlSafe(statement.to_owned());
            connection.execute(statement).await.unwrap();
        }
    }
}
