//! `GetTask`

use std::collections::HashSet;

use api::ids::{TaskId, UserId};
use chrono::{DateTime, Utc};
use database::{Answers, Joinable};
use sqlx::PgConnection;

use super::{Found, Key, store};
use crate::{
    error::Error,
    tasks::{attempts, domain::Task},
};

/// Reads one task.
#[derive(Debug, Clone)]
pub(in crate::tasks) struct Get {
    pub(in crate::tasks) owner: UserId,
    pub(in crate::tasks) id: TaskId,
    pub(in crate::tasks) now: DateTime<Utc>,
}

impl Joinable for Get {
    type Output = Task;
    type Error = Error;

    const FUNCTION: &'static str = "task_service::tasks::Tasks::get";
    const EXCLUSIVE: bool = false;

    async fn run_alone(self, conn: &mut PgConnection) -> Result<Task, Error> {
        attempts::get_existing(conn, self.owner, self.id, self.now).await
    }

    async fn run_joined(units: &[&Self], conn: &mut PgConnection) -> Result<Answers<Self>, Error> {
        let keys: HashSet<Key> = units.iter().map(|unit| unit.key()).collect();
        let asked: Vec<Key> = keys.iter().copied().collect();
        let Found(mut found) =
            Found::of(store::find(conn, &asked).await?, |key| keys.contains(key))?;
        let each_once = asked.len() == units.len();
        let answer = |unit: &&Self| {
            let task = if each_once {
                found.remove(&unit.key())
            } else {
                found.get(&unit.key()).cloned()
            };
            let task = task.filter(|task| task.exists_at(unit.now));
            Some(task.ok_or(Error::NotFound(unit.id)))
        };
        Ok(units.iter().map(answer).collect())
    }
}

impl Get {
    fn key(&self) -> Key {
        (self.owner, self.id)
    }
}
