//! Both services, started and stopped by themselves, and people who leave.

use std::sync::Arc;

use contract::proto::{
    auth::{
        DeleteAccountRequest, SignUpRequest, account_service_client::AccountServiceClient,
        auth_service_client::AuthServiceClient,
    },
    task::{CreateTaskRequest, DeleteTaskRequest, task_service_client::TaskServiceClient},
};
use serving::process::Instruments;
use task_service::App;
use testing::{Database, TestClock, assert_refused};
use tokio_util::sync::DropGuard;
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};
use uuid::Uuid;

use crate::{
    pair::{PASSWORD, bearing, run_auth},
    proxy::Proxy,
    rows::becomes,
    world::{START, config, run, titled},
};

/// Deleted accounts whose rows are looked for.
pub(crate) const RECORDED: &str = "select count(*) from tasks.deleted_account";

/// Both services on one database, with a network between them.
pub(crate) struct Services {
    database: Database,
    pub(crate) clock: TestClock,
    pub(crate) network: Proxy,
    auth: Channel,
    _auth: DropGuard,
}

/// A process of the task service.
pub(crate) struct TaskProcess {
    pub(crate) channel: Channel,
    _running: DropGuard,
}

/// Someone with an account.
pub(crate) struct Person {
    pub(crate) id: String,
    token: String,
}

impl Services {
    pub(crate) async fn start() -> Self {
        let database = Database::with(&[auth_service::SCHEMA, task_service::SCHEMA]).await;
        let clock = TestClock::at(START);
        let (address, running) = run_auth(database.url(), clock.clone()).await;
        let auth = Endpoint::new(format!("http://{address}")).unwrap();
        Self {
            database,
            clock,
            network: Proxy::to(address).await,
            auth: auth.connect_lazy(),
            _auth: running,
        }
    }

    /// Starts a process of the task service, which may not reach the auth service.
    pub(crate) async fn task_process(&self) -> TaskProcess {
        let upstream = format!("http://{}", self.network.address);
        let settings = [
            ("AUTH_UPSTREAM", upstream.as_str()),
            ("DELETIONS_POLL", "20ms"),
        ];
        let config = config(self.database.url(), &settings);
        let instruments = Instruments::off(Arc::new(self.clock.clone()));
        let (channel, running) = run(App::new(config, instruments).unwrap()).await;
        TaskProcess {
            channel,
            _running: running,
        }
    }

    pub(crate) async fn sign_up(&self, email: &str) -> Person {
        let request = SignUpRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            ..SignUpRequest::default()
        };
        let mut auth = AuthServiceClient::new(self.auth.clone());
        let answer = auth.sign_up(request).await.unwrap().into_inner();
        Person {
            id: answer.account.unwrap().id,
            token: answer.tokens.unwrap().access_token,
        }
    }

    pub(crate) async fn delete_account(&self, person: &Person) {
        let request = DeleteAccountRequest {
            current_password: PASSWORD.to_owned(),
        };
        let mut account = AccountServiceClient::new(self.auth.clone());
        let deleted = account.delete_account(bearing(&person.token, request));
        deleted.await.unwrap();
    }

    pub(crate) async fn execute(&self, statements: &str) {
        let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(statements));
        let mut conn = self.database.connect().await;
        statements.execute(&mut conn).await.unwrap();
    }

    /// Waits until the task service has this many rows of the person.
    pub(crate) async fn task_rows(&self, person: &Person, expected: i64) {
        becomes(&self.database, &rows(&TASK_TABLES, &person.id), expected).await;
    }

    pub(crate) async fn becomes(&self, statement: &str, expected: i64) {
        becomes(&self.database, statement, expected).await;
    }
}

/// The tables of the task service with rows of users, and the column of their id.
const TASK_TABLES: [&str; 3] = [
    "tasks.task.user_id",
    "tasks.request.user_id",
    "tasks.owner.user_id",
];
/// The tables of the auth service with rows of an account.
pub(crate) const AUTH_TABLES: [&str; 3] = [
    "auth.account.id",
    "auth.session.account_id",
    "auth.api_key.account_id",
];

/// The statement that counts the rows of a user.
pub(crate) fn rows(tables: &[&str], id: &str) -> String {
    let counts = tables.iter().map(|column| {
        let (table, _) = column.rsplit_once('.').unwrap();
        format!(
            "(select count(*) from {table} where {column} = '{id}')",
            column = &column[table.len() + 1..]
        )
    });
    format!("select {}", counts.collect::<Vec<_>>().join(" + "))
}

impl TaskProcess {
    /// Two tasks and one that is deleted, each made with a request id.
    pub(crate) async fn write(&self, person: &Person) {
        let mut tasks = TaskServiceClient::new(self.channel.clone());
        let mut last = String::new();
        for number in 1..=3 {
            let request = CreateTaskRequest {
                task: Some(titled("t")),
                request_id: Uuid::from_u128(number).to_string(),
                ..Default::default()
            };
            let created = tasks.create_task(bearing(&person.token, request)).await;
            last = created.unwrap().into_inner().task.unwrap().id;
        }
        let request = DeleteTaskRequest {
            id: last,
            ..Default::default()
        };
        let deleted = tasks.delete_task(bearing(&person.token, request));
        deleted.await.unwrap();
    }

    pub(crate) async fn is_refused(&self, person: &Person) {
        let request = CreateTaskRequest {
            task: Some(titled("t")),
            ..Default::default()
        };
        let mut tasks = TaskServiceClient::new(self.channel.clone());
        let refused = tasks.create_task(bearing(&person.token, request)).await;
        assert_refused(
            &refused.unwrap_err(),
            Code::Unauthenticated,
            "TOKEN_REVOKED",
        );
    }
}

/// A write of a call that was under way when the account was deleted.
pub(crate) fn late_write(person: &Person) -> String {
    format!(
        "insert into tasks.owner (user_id, revision, live_count) values ('{id}', 1, 1);
         insert into tasks.task (user_id, id, title, description, status, priority, labels, create_time, update_time, revision)
         values ('{id}', gen_random_uuid(), 'late', '', 1, 2, '{{}}', '2026-01-01', '2026-01-01', 1)",
        id = person.id
    )
}
