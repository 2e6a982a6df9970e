//! Lists of tasks, page by page: which of the rows are on a page, and where the next page begins.

pub(crate) mod domain;
pub(crate) mod filter;
pub(crate) mod grpc;
pub(crate) mod order;
pub(crate) mod page_token;
pub(crate) mod store;

use std::sync::Arc;

use api::{ids::UserId, paging::PageTokens};
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use serving::caller::Caller;
use sqlx::PgConnection;
use tokio::time::Instant;

use self::{
    domain::{ListTasks, Page},
    order::Order,
    page_token::LastTask,
};
use crate::{
    context::{Context, share_of},
    error::Error,
    tasks::domain::Task,
};

/// The largest size of the tasks on a page, in bytes. By default clients refuse messages of more than 4 MiB.
const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024;

/// The lists of all users. Each call lists the tasks of its caller only.
#[derive(Debug, Clone)]
pub(crate) struct Lists {
    pub(crate) context: Context,
    /// Seals and opens page tokens.
    pub(crate) tokens: Arc<PageTokens>,
}

impl Lists {
    /// A page of the caller's tasks.
    pub(crate) async fn list(
        &self,
        caller: Caller,
        deadline: Instant,
        command: ListTasks,
    ) -> Result<Page, Error> {
        let (owner, now) = (caller.user_id, self.context.now());
        let (page_size, binding) = (command.page_size, command.binding);
        let order = command.listing.order.clone();
        let lanes = if command.is_read_by_key() {
            &self.context.lanes
        } else {
            &self.context.scans
        };
        let found = lanes.run(share_of(owner), deadline, move |conn| {
            async move { read(conn, owner, &command, now).await }.boxed()
        });
        let (rows, total) = found.await?;
        let (tasks, last) = cut_page(rows, page_size, &order, MAX_PAGE_BYTES);
        let next_page_token = last.map(|last| self.tokens.seal(binding, last, now));
        Ok(Page {
            tasks,
            next_page_token: next_page_token.unwrap_or_default(),
            total_size: total.map(|total| i32::try_from(total).unwrap_or(i32::MAX)),
        })
    }
}

/// The rows of the page, and the number of all tasks that match if the command asks for it.
async fn read(
    conn: &mut PgConnection,
    owner: UserId,
    command: &ListTasks,
    now: DateTime<Utc>,
) -> Result<(Vec<Task>, Option<i64>), Error> {
    let ListTasks { listing, last, .. } = command;
    // One row more than the page holds shows whether another page follows.
    let limit = i64::try_from(command.page_size + 1).expect("a page has at most 200 tasks");
    let skip = command.skip.number();
    let rows = store::list(conn, owner, listing, last.as_ref(), skip, limit, now).await?;
    let total = if command.count {
        Some(store::count_matching(conn, owner, listing, now).await?)
    } else {
        None
    };
    Ok((rows, total))
}

/// The tasks of the page, at least one if there is any, and the last of them if another page follows.
fn cut_page(
    mut rows: Vec<Task>,
    page_size: usize,
    order: &Order,
    max_bytes: usize,
) -> (Vec<Task>, Option<LastTask>) {
    let mut bytes = 0;
    let fits = |task: &Task| {
        bytes += task.max_message_size();
        bytes <= max_bytes
    };
    let fitting = rows
        .iter()
        .take(page_size)
        .map(fits)
        .take_while(|fits| *fits);
    let length = fitting.count().max(1);
    if rows.len() <= length {
        return (rows, None);
    }
    rows.truncate(length);
    let last = rows.last().map(|task| LastTask::of(task, order));
    (rows, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::domain::Draft;

    fn row(description: &str) -> Task {
        let owner = UserId::at(DateTime::UNIX_EPOCH);
        Draft::for_test("t", description).into_task(owner, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_page_ends_before_the_task_that_would_make_it_too_large() {
        let order = Order::parse("").unwrap();
        let rows: Vec<_> = (0..5).map(|_| row(&"x".repeat(1000))).collect();
        let each = rows[0].max_message_size();

        let (tasks, last) = cut_page(rows.clone(), 10, &order, 3 * each);
        assert_eq!(tasks.len(), 3);
        assert_eq!(last.unwrap().id, rows[2].id);

        let (tasks, last) = cut_page(rows.clone(), 10, &order, each - 1);
        let reason = "a page is never empty while tasks follow";
        assert_eq!(tasks.len(), 1, "{reason}");
        assert_eq!(last.unwrap().id, rows[0].id);

        let (tasks, last) = cut_page(rows, 5, &order, MAX_PAGE_BYTES);
        assert_eq!((tasks.len(), last), (5, None));
    }
}
