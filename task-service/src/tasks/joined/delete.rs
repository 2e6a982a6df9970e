//! `DeleteTask`

use api::ids::UserId;
use chrono::{DateTime, Utc};
use database::{Answers, Joinable};
use sqlx::PgConnection;

use super::{Key, results, store, subject};
use crate::{
    error::Error,
    tasks::{attempts, commands::DeleteTask, domain::Task},
};

/// Deletes a live task.
#[derive(Debug, Clone)]
pub(in crate::tasks) struct Delete {
    pub(in crate::tasks) owner: UserId,
    pub(in crate::tasks) command: DeleteTask,
    pub(in crate::tasks) purge_time: DateTime<Utc>,
    pub(in crate::tasks) now: DateTime<Utc>,
}

impl Joinable for Delete {
    type Output = Task;
    type Error = Error;

    const FUNCTION: &'static str = "task_service::tasks::Tasks::delete";
    const EXCLUSIVE: bool = true;

    fn subject(&self) -> Option<u64> {
        Some(subject(self.key()))
    }

    async fn run_alone(self, conn: &mut PgConnection) -> Result<Task, Error> {
        attempts::delete(conn, self.owner, self.command, self.purge_time, self.now).await
    }

    async fn run_joined(units: &[&Self], conn: &mut PgConnection) -> Result<Answers<Self>, Error> {
        let keys: Vec<Key> = units.iter().map(|unit| unit.key()).collect();
        results(&keys, store::delete(conn, units).await?)
    }
}

impl Delete {
    pub(super) fn key(&self) -> Key {
        (self.owner, self.command.id)
    }
}
