//! `order_by` of `ListTasks`: an allow-list of keys, each up or down, always tie-broken by id.

use shared::refusal::Problem;

/// What tasks can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// When it was made.
    CreateTime,
    /// When it last changed.
    UpdateTime,
    /// When it should be done; tasks without a due time count as due at the end of time.
    DueTime,
    /// How much it matters.
    Priority,
    /// By title, in code point order.
    Title,
}

/// One key and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: Key,
    /// From large to small.
    pub descending: bool,
}

/// A parsed order: at least one key, none twice. The id breaks ties, in the direction of the last key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order(Vec<Sort>);

impl Order {
    /// Parses the text of a request; empty text is `create_time desc`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.trim().is_empty() {
            return Ok(Self(vec![Sort {
                key: Key::CreateTime,
                descending: true,
            }]));
        }
        let mut sorts: Vec<Sort> = Vec::new();
        for part in text.split(',') {
            let sort = sort(part)?;
            if sorts.iter().any(|earlier| earlier.key == sort.key) {
                return Err(Problem::new(
                    "BAD_ORDER",
                    format!("names `{}` twice", shown(part)),
                ));
            }
            sorts.push(sort);
        }
        Ok(Self(sorts))
    }

    /// The keys, the first one first.
    #[must_use]
    pub fn sorts(&self) -> &[Sort] {
        &self.0
    }

    /// The direction of the id.
    #[must_use]
    pub fn ids_descend(&self) -> bool {
        self.0.last().is_some_and(|sort| sort.descending)
    }

    /// The keys that the id does not stand for: ids grow with the time of creation, so a last `create_time` is the id.
    #[must_use]
    pub fn columns(&self) -> &[Sort] {
        match self.0.as_slice() {
            [
                before @ ..,
                Sort {
                    key: Key::CreateTime,
                    ..
                },
            ] => before,
            all => all,
        }
    }
}

fn sort(part: &str) -> Result<Sort, Problem> {
    let mut words = part.split_ascii_whitespace();
    let key = match words.next() {
        Some("create_time") => Key::CreateTime,
        Some("update_time") => Key::UpdateTime,
        Some("due_time") => Key::DueTime,
        Some("priority") => Key::Priority,
        Some("title") => Key::Title,
        _ => return Err(unknown(part)),
    };
    let descending = match (words.next(), words.next()) {
        (None, None) => false,
        (Some("desc"), None) => true,
        _ => return Err(unknown(part)),
    };
    Ok(Sort { key, descending })
}

fn unknown(part: &str) -> Problem {
    Problem::new(
        "BAD_ORDER",
        format!(
            "`{}` is not one of create_time, update_time, due_time, priority, title, each with or without ` desc`",
            shown(part)
        ),
    )
}

fn shown(part: &str) -> String {
    part.trim().chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_the_list_and_once() {
        let order = Order::parse("priority desc, due_time").unwrap();
        assert_eq!(
            order.sorts(),
            [
                Sort {
                    key: Key::Priority,
                    descending: true
                },
                Sort {
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
            assert_eq!(
                Order::parse(wrong).unwrap_err().reason,
                "BAD_ORDER",
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_default_order_is_that_of_the_ids() {
        let order = Order::parse("").unwrap();
        assert!(order.ids_descend());
        assert!(order.columns().is_empty());
    }
}
