//! `UpdateTask` without a request id

use api::ids::UserId;
use chrono::{DateTime, Utc};
use database::{Answers, Joinable};
use sqlx::PgConnection;

use super::{Key, results, store, subject};
use crate::{
    error::Error,
    tasks::{attempts, commands::UpdateTask, domain::Task},
};

/// Changes a live task. The changes are not empty.
#[derive(Debug, Clone)]
pub(in crate::tasks) struct Update {
    pub(in crate::tasks) owner: UserId,
    pub(in crate::tasks) command: UpdateTask,
    pub(in crate::tasks) now: DateTime<Utc>,
}

impl Joinable for Update {
    type Output = Task;
    type Error = Error;

    const FUNCTION: &'static str = "task_service::tasks::Tasks::update";
    const EXCLUSIVE: bool = true;

    fn subject(&self) -> Option<u64> {
        Some(subject(self.key()))
    }

    async fn run_alone(self, conn: &mut PgConnection) -> Result<Task, Error> {
        attempts::update(conn, self.owner, &self.command, self.now).await
    }

    async fn run_joined(units: &[&Self], conn: &mut PgConnection) -> Result<Answers<Self>, Error> {
        let keys: Vec<Key> = units.iter().map(|unit| unit.key()).collect();
        results(&keys, store::update(conn, units).await?)
    }
}

impl Update {
    pub(super) fn key(&self) -> Key {
        (self.owner, self.command.id)
    }
}
