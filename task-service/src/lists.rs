//! Pages of tasks: what of the rows found goes on the page, and where the next one begins.

use futures_util::FutureExt as _;
use prost::Message as _;
use shared::{caller::Caller, proto::task as proto};
use tokio::time::Instant;

use crate::{
    domain::Task,
    error::Error,
    order::{Key, Order},
    page_token::{KeyValue, Last},
    request::List,
    store,
    tasks::{Page, Tasks},
};

/// Most bytes of tasks on a page: clients refuse messages of more than 4 MiB unless told otherwise.
const MOST_BYTES: usize = 3 * 1024 * 1024;

impl Tasks {
    /// A page of the caller's tasks.
    pub async fn list(
        &self,
        caller: Caller,
        deadline: Instant,
        asked: List,
    ) -> Result<Page, Error> {
        let (owner, now) = (caller.user_id, self.now());
        let List {
            listing,
            last,
            binding,
            page_size,
            skip,
            count,
        } = asked;
        // One more than the page holds, to see whether there is another page.
        let limit = i64::try_from(page_size + 1).expect("a page has at most 200 tasks");
        let order = listing.order.clone();
        let found = self.lanes.run(deadline, move |conn| {
            async move {
                let rows =
                    store::list::list(conn, owner, &listing, last.as_ref(), skip, limit, now);
                let rows = rows.await?;
                let total = if count {
                    Some(store::list::count_matching(conn, owner, &listing, now).await?)
                } else {
                    None
                };
                Ok::<_, Error>((rows, total))
            }
            .boxed()
        });
        let (rows, total) = found.await?;
        let (tasks, end) = cut(rows, page_size, &order, MOST_BYTES);
        Ok(Page {
            tasks,
            next_page_token: end
                .map_or_else(String::new, |end| self.tokens.seal(binding, end, now)),
            total_size: total.map(|total| i32::try_from(total).unwrap_or(i32::MAX)),
        })
    }
}

/// The tasks of the page, at least one if there is any, and its end if more follow.
fn cut(
    rows: Vec<Task>,
    page_size: usize,
    order: &Order,
    most_bytes: usize,
) -> (Vec<proto::Task>, Option<Last>) {
    let mut tasks: Vec<proto::Task> = Vec::with_capacity(rows.len().min(page_size));
    let mut bytes = 0;
    let mut end = None;
    for row in rows {
        let last = end_of_page(&row, order);
        let task = proto::Task::from(row);
        bytes += task.encoded_len();
        if tasks.len() == page_size || (bytes > most_bytes && !tasks.is_empty()) {
            return (tasks, end);
        }
        tasks.push(task);
        end = Some(last);
    }
    (tasks, None)
}

/// Where a page that ends with `task` ends.
fn end_of_page(task: &Task, order: &Order) -> Last {
    let micros = |time: chrono::DateTime<chrono::Utc>| time.timestamp_micros();
    let keys = order.columns().iter().map(|sort| match sort.key {
        Key::CreateTime => KeyValue::Time(Some(micros(task.create_time))),
        Key::UpdateTime => KeyValue::Time(Some(micros(task.update_time))),
        Key::DueTime => KeyValue::Time(task.due_time.map(micros)),
        Key::Priority => KeyValue::Number(task.priority as i16),
        Key::Title => KeyValue::Text(task.title.clone()),
    });
    Last {
        keys: keys.collect(),
        id: task.id,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use shared::ids::UserId;

    use super::*;
    use crate::domain::{Description, Draft, Due, Labels, Priority, Status, Title};

    fn row(description: &str) -> Task {
        let draft = Draft {
            title: Title::parse("t").unwrap(),
            description: Description::parse(description).unwrap(),
            status: Status::Pending,
            priority: Priority::Normal,
            labels: Labels::default(),
            due: Due::default(),
        };
        draft.at(UserId::at(DateTime::UNIX_EPOCH), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_page_is_cut_before_the_task_that_would_make_it_too_large() {
        let order = Order::parse("").unwrap();
        let rows: Vec<_> = (0..5).map(|_| row(&"x".repeat(1000))).collect();
        let each = proto::Task::from(rows[0].clone()).encoded_len();

        let (tasks, end) = cut(rows.clone(), 10, &order, 3 * each);
        assert_eq!(tasks.len(), 3);
        assert_eq!(end.unwrap().id, rows[2].id);

        let (tasks, end) = cut(rows.clone(), 10, &order, each - 1);
        assert_eq!(
            tasks.len(),
            1,
            "a page never stays empty while tasks follow"
        );
        assert_eq!(end.unwrap().id, rows[0].id);

        let (tasks, end) = cut(rows, 5, &order, MOST_BYTES);
        assert_eq!((tasks.len(), end), (5, None));
    }
}
