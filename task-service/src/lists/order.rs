//! `order_by` of `ListTasks`: a fixed set of keys, each ascending or descending. The id breaks ties.

use contract::refusal::Problem;

/// What tasks can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    CreateTime,
    UpdateTime,
    /// Tasks without a due time are last, as if due at the end of time.
    DueTime,
    Priority,
    /// In the order of code points.
    Title,
}

impl Key {
    pub(crate) const ALL: [Self; 5] = [
        Self::CreateTime,
        Self::UpdateTime,
        Self::DueTime,
        Self::Priority,
        Self::Title,
    ];

    /// The name in `order_by`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CreateTime => "create_time",
            Self::UpdateTime => "update_time",
            Self::DueTime => "due_time",
            Self::Priority => "priority",
            Self::Title => "title",
        }
    }
}

/// One key and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SortKey {
    pub(crate) key: Key,
    pub(crate) descending: bool,
}

impl SortKey {
    fn parse(text: &str) -> Result<Self, Problem> {
        let mut words = text.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        let key = Key::ALL.into_iter().find(|key| key.name() == name);
        let key = key.ok_or_else(|| unknown_key(text))?;
        let descending = match (words.next(), words.next()) {
            (None, None) => false,
            (Some("desc"), None) => true,
            _ => return Err(unknown_key(text)),
        };
        Ok(Self { key, descending })
    }
}

/// A parsed order: one or more different keys. The id breaks ties, in the direction of the last key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order(Vec<SortKey>);

impl Order {
    /// Parses the text of a request. Empty text is `create_time desc`.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        if text.trim().is_empty() {
            return Ok(Self(vec![SortKey {
                key: Key::CreateTime,
                descending: true,
            }]));
        }
        let mut sorts: Vec<SortKey> = Vec::new();
        for part in text.split(',') {
            let sort = SortKey::parse(part)?;
            if sorts.iter().any(|earlier| earlier.key == sort.key) {
                let description = format!("names `{}` twice", excerpt(part));
                return Err(Problem::new("BAD_ORDER", description));
            }
            sorts.push(sort);
        }
        Ok(Self(sorts))
    }

    /// Whether ids are in descending order.
    pub(crate) fn ids_descend(&self) -> bool {
        self.0.last().is_some_and(|sort| sort.descending)
    }

    /// The keys that are sorted by before the id. A last key `create_time` is left out: ids grow with the time of creation,
    /// so the id gives the same order.
    pub(crate) fn columns(&self) -> &[SortKey] {
        match self.0.as_slice() {
            [
                before @ ..,
                SortKey {
                    key: Key::CreateTime,
                    ..
                },
            ] => before,
            all => all,
        }
    }
}

fn unknown_key(text: &str) -> Problem {
    let names = Key::ALL.map(Key::name).join(", ");
    let description = format!(
        "`{}` is not one of {names}, each with or without ` desc`",
        excerpt(text)
    );
    Problem::new("BAD_ORDER", description)
}

/// The beginning of `text`, short enough for an error.
fn excerpt(text: &str) -> String {
    text.trim().chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_keys_are_accepted_and_each_only_once() {
        let order = Order::parse("priority desc, due_time").unwrap();
        assert_eq!(
            order.columns(),
            [
                SortKey {
                    key: Key::Priority,
                    descending: true
                },
                SortKey {
                    key: Key::DueTime,
                    descending: false
                },
            ]
        );
        assert!(!order.ids_descend());
        for wrong in [
            "id",
            "title asc",
            "title desc desc",
            "title,",
            ",",
            "title, title desc",
            "title; drop table",
        ] {
            let problem = Order::parse(wrong).unwrap_err();
            assert_eq!(problem.reason, "BAD_ORDER", "{wrong}");
        }
    }

    #[test]
    fn the_default_order_is_descending_by_id() {
        let order = Order::parse("").unwrap();
        assert!(order.ids_descend());
        assert!(order.columns().is_empty());
    }
}
