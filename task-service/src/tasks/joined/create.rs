//! `CreateTask` without a request id

use api::ids::UserId;
use database::{Answers, Joinable};
use sqlx::PgConnection;

use super::{Key, results, store};
use crate::{
    error::Error,
    quota::Quota,
    tasks::{attempts, domain::Task},
};

/// Stores a new task.
#[derive(Debug, Clone)]
pub(in crate::tasks) struct Create {
    pub(in crate::tasks) owner: UserId,
    pub(in crate::tasks) task: Task,
    pub(in crate::tasks) quota: Quota,
}

impl Joinable for Create {
    type Output = Task;
    type Error = Error;

    const FUNCTION: &'static str = "task_service::tasks::Tasks::create";
    const EXCLUSIVE: bool = true;

    async fn run_alone(self, conn: &mut PgConnection) -> Result<Task, Error> {
        attempts::insert(conn, self.owner, &self.task, self.quota).await
    }

    async fn run_joined(units: &[&Self], conn: &mut PgConnection) -> Result<Answers<Self>, Error> {
        let keys: Vec<Key> = units
            .iter()
            .map(|unit| (unit.owner, unit.task.id))
            .collect();
        // The quota is a setting, so all units have the same.
        let rows = store::insert(conn, units, units[0].quota).await?;
        results(&keys, rows)
    }
}
