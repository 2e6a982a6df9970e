//! What the page tokens of `ListTasks` say ([`shared::paging`] seals them).

use serde::{Deserialize, Serialize};
use shared::{
    ids::{TaskId, UserId},
    paging::Binding,
};

/// The value of one sort key of the last task on a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyValue {
    /// Microseconds since 1970; `None` is the end of time.
    Time(Option<i64>),
    /// A priority's number.
    Number(i16),
    /// A title.
    Text(String),
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// The values of the sort columns, in their order.
    pub keys: Vec<KeyValue>,
    /// The last task.
    pub id: TaskId,
}

/// What the tokens of a listing are bound to.
#[must_use]
pub fn binding(user: UserId, filter: &str, order_by: &str, show_deleted: bool) -> Binding {
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
    use chrono::{DateTime, Utc};
    use shared::paging::PageTokens;

    use super::*;

    #[test]
    fn a_token_opens_for_its_user_filter_order_and_show_deleted_and_nothing_else() {
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        let (alice, mallory) = (UserId::at(now), UserId::at(now));
        let tokens = PageTokens::new(&[7; 32]);
        let last = Last {
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
            let refused = tokens.open::<Last>(&token, other, now);
            assert_eq!(refused.unwrap_err().reason, "PAGE_TOKEN_INVALID");
        }
    }
}
