//! Calls that a lane runs together, as one statement (docs/decisions/0021).
//!
//! The statements here find, for each call, its own row by its own owner and id, and check its own conditions. A call for which such a
//! statement does nothing is then decided alone, by the statements of one call.
//!
//! A statement for several changes adds to the counters of each owner once, and numbers the changes of the owner in their order: revisions
//! stay unique and growing, and a quota exact. It waits for no lock, so it neither deadlocks nor makes a caller wait for another's row.

mod create;
mod delete;
mod get;
mod store;
#[cfg(test)]
mod tests;
mod undelete;
mod update;

use std::collections::HashMap;

use api::ids::{TaskId, UserId};

pub(super) use self::{
    create::Create, delete::Delete, get::Get, undelete::Undelete, update::Update,
};
use super::domain::Task;
use crate::error::Error;

/// The key of a task. The owner is the caller of the call.
pub(super) type Key = (UserId, TaskId);

/// What a change is about. Two changes of a task are not made by one statement.
fn subject((owner, id): Key) -> u64 {
    let (high, low) = owner.uuid().as_u64_pair();
    let (id_high, id_low) = id.uuid().as_u64_pair();
    high.rotate_left(1) ^ low.rotate_left(2) ^ id_high.rotate_left(3) ^ id_low
}

/// The results of changes from the rows that they returned. Those without a row have to be decided alone.
fn results(keys: &[Key], rows: Vec<Task>) -> Result<Vec<Option<Result<Task, Error>>>, Error> {
    let Found(mut found) = Found::of(rows, |key| keys.contains(key))?;
    Ok(keys.iter().map(|key| found.remove(key).map(Ok)).collect())
}

/// Rows by their keys.
struct Found(HashMap<Key, Task>);

impl Found {
    /// The rows, if all of them have keys that were asked for. Another row means that a statement or the database is wrong: it is logged as
    /// an alarm and never returned.
    fn of(rows: Vec<Task>, is_asked: impl Fn(&Key) -> bool) -> Result<Self, Error> {
        let mut found = HashMap::with_capacity(rows.len());
        for task in rows {
            let key @ (owner, id) = (task.user_id, task.id);
            if !is_asked(&key) {
                tracing::error!(alarm = "isolation", %owner, task = %id, "a row was read that nobody asked for");
                return Err(Error::ForeignRow { owner });
            }
            found.insert(key, task);
        }
        Ok(Self(found))
    }
}
