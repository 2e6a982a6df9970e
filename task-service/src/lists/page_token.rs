//! The content of the page tokens of `ListTasks`. [`api::paging`] seals them.

use api::{
    ids::{TaskId, UserId},
    paging::Binding,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::order::{Key, Order};
use crate::tasks::domain::Task;

/// The value of one sort key of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyValue {
    /// Microseconds since 1970; `None` is the end of time.
    Time(Option<i64>),
    /// The number of a priority.
    Number(i16),
    /// A title.
    Text(String),
}

/// The last task of a page: its place in the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastTask {
    /// The values of the sort columns, in their order.
    pub(crate) keys: Vec<KeyValue>,
    pub(crate) id: TaskId,
}

impl LastTask {
    pub(crate) fn of(task: &Task, order: &Order) -> Self {
        let micros = |time: DateTime<Utc>| time.timestamp_micros();
        let keys = order.columns().iter().map(|sort| match sort.key {
            Key::CreateTime => KeyValue::Time(Some(micros(task.create_time))),
            Key::UpdateTime => KeyValue::Time(Some(micros(task.update_time))),
            Key::DueTime => KeyValue::Time(task.due_time.map(micros)),
            Key::Priority => KeyValue::Number(task.priority as i16),
            Key::Title => KeyValue::Text(task.title.clone()),
        });
        Self {
            keys: keys.collect(),
            id: task.id,
        }
    }
}

/// A token opens only for the user and the list it was made for.
pub(crate) fn binding(user: UserId, filter: &str, order_by: &str, show_deleted: bool) -> Binding {
    Binding::of(&[
        b"tasks",
        user.uuid().as_bytes(),
        filter.as_bytes(),
        order_by.as_bytes(),
        &[u8::from(show_deleted)],
    ])
}

#[cfg(test)]
mod tests {
    use api::paging::PageTokens;

    use super::*;

    #[test]
    fn a_token_opens_only_for_its_user_filter_order_and_show_deleted() {
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        let (alice, mallory) = (UserId::at(now), UserId::at(now));
        let tokens = PageTokens::new(&[7; 32]);
        let last = LastTask {
            keys: vec![
                KeyValue::Time(None),
                KeyValue::Number(2),
                KeyValue::Text("é\"".to_owned()),
            ],
            id: TaskId::at(now),
        };
        let own = binding(alice, "f", "o", false);
        let token = tokens.seal(own, last.clone(), now);
        assert_eq!(tokens.open(&token, own, now), Ok(Some(last)));
        for other in [
            binding(mallory, "f", "o", false),
            binding(alice, "fo", "", false),
            binding(alice, "f", "o", true),
        ] {
            let refused = tokens.open::<LastTask>(&token, other, now);
            assert_eq!(refused.unwrap_err().reason, "PAGE_TOKEN_INVALID");
        }
    }
}
