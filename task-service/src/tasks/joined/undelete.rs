//! `UndeleteTask`

use api::ids::UserId;
use chrono::{DateTime, Utc};
use database::{Answers, Joinable};
use sqlx::PgConnection;

use super::{Key, results, store, subject};
use crate::{
    error::Error,
    tasks::{attempts, commands::UndeleteTask, domain::Task},
};

/// Undeletes a task.
#[derive(Debug, Clone)]
pub(in crate::tasks) struct Undelete {
    pub(in crate::tasks) owner: UserId,
    pub(in crate::tasks) command: UndeleteTask,
    /// The largest number of live tasks of the owner.
    pub(in crate::tasks) limit: i32,
    pub(in crate::tasks) now: DateTime<Utc>,
}

impl Joinable for Undelete {
    type Output = Task;
    type Error = Error;

    const FUNCTION: &'static str = "task_service::tasks::Tasks::undelete";
    const EXCLUSIVE: bool = true;

    fn subject(&self) -> Option<u64> {
        Some(subject(self.key()))
    }

    async fn run_alone(self, conn: &mut PgConnection) -> Result<Task, Error> {
        attempts::undelete(conn, self.owner, self.command, self.limit, self.now).await
    }

    async fn run_joined(units: &[&Self], conn: &mut PgConnection) -> Result<Answers<Self>, Error> {
        let keys: Vec<Key> = units.iter().map(|unit| unit.key()).collect();
        results(&keys, store::undelete(conn, units).await?)
    }
}

impl Undelete {
    pub(super) fn key(&self) -> Key {
        (self.owner, self.command.id)
    }
}
