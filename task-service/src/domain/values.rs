//! The values of a task's fields, each parsed from what a message carries.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, Utc};
use shared::{
    proto::task::{TaskPriority, TaskStatus},
    refusal::{Problem, Violations},
    text,
};

/// Most labels of a task.
const MOST_LABELS: usize = 20;

/// What a task is called: 1 to 200 code points on one line, NFC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title(String);

impl Title {
    /// Parses the text of a message.
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        text::line(raw, 1..=200).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a task is about: at most 2000 code points, NFC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// Parses the text of a message.
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        text::block(raw, 0..=2000).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How far a task has come; stored as the number of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub enum Status {
    /// Not begun.
    Pending = 1,
    /// Begun.
    InProgress = 2,
    /// Done.
    Completed = 3,
}

impl Status {
    /// Parses the number of a message; unspecified is pending.
    pub fn parse(number: i32) -> Result<Self, Problem> {
        match TaskStatus::try_from(number) {
            Ok(TaskStatus::Unspecified | TaskStatus::Pending) => Ok(Self::Pending),
            Ok(TaskStatus::InProgress) => Ok(Self::InProgress),
            Ok(TaskStatus::Completed) => Ok(Self::Completed),
            Err(_unknown) => Err(unknown_value(number)),
        }
    }
}

impl From<Status> for TaskStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::InProgress => Self::InProgress,
            Status::Completed => Self::Completed,
        }
    }
}

/// How much a task matters; stored as the number of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub enum Priority {
    /// It can wait.
    Low = 1,
    /// As usual.
    Normal = 2,
    /// It cannot wait.
    High = 3,
}

impl Priority {
    /// Parses the number of a message; unspecified is normal.
    pub fn parse(number: i32) -> Result<Self, Problem> {
        match TaskPriority::try_from(number) {
            Ok(TaskPriority::Unspecified | TaskPriority::Normal) => Ok(Self::Normal),
            Ok(TaskPriority::Low) => Ok(Self::Low),
            Ok(TaskPriority::High) => Ok(Self::High),
            Err(_unknown) => Err(unknown_value(number)),
        }
    }
}

impl From<Priority> for TaskPriority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self::Low,
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
        }
    }
}

fn unknown_value(number: i32) -> Problem {
    Problem::new(
        "UNKNOWN_VALUE",
        format!("{number} is not a value of this enumeration"),
    )
}

/// A set of at most 20 labels, each 1 to 50 code points on one line, NFC; sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels(Vec<String>);

impl Labels {
    /// Parses the labels of a message, noting each that is wrong under `field`, such as `task.labels[3]`.
    pub fn parse(raw: &[String], field: &str, violations: &mut Violations) -> Option<Self> {
        let mut set = BTreeSet::new();
        let mut whole = true;
        for (at, label) in raw.iter().enumerate() {
            match violations.take(&format!("{field}[{at}]"), text::line(label, 1..=50)) {
                Some(label) => _ = set.insert(label),
                None => whole = false,
            }
        }
        if set.len() > MOST_LABELS {
            let description = format!("holds {} of at most {MOST_LABELS} labels", set.len());
            violations.note(field, Problem::new("TOO_MANY", description));
            return None;
        }
        whole.then(|| Self(set.into_iter().collect()))
    }

    /// The labels, sorted, each once.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// When a task should be done, if ever: years 1 to 9999, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due(Option<DateTime<Utc>>);

impl Due {
    /// Parses the time of a message; what is finer than a microsecond is cut off.
    pub fn parse(raw: Option<&prost_types::Timestamp>) -> Result<Self, Problem> {
        let Some(prost_types::Timestamp { seconds, nanos }) = raw else {
            return Ok(Self(None));
        };
        u32::try_from(*nanos)
            .ok()
            .filter(|nanos| *nanos < 1_000_000_000)
            .and_then(|nanos| DateTime::from_timestamp(*seconds, nanos / 1000 * 1000))
            .filter(|time| (1..=9999).contains(&time.year()))
            .map(|time| Self(Some(time)))
            .ok_or_else(|| {
                Problem::new(
                    "NOT_A_TIME",
                    "must be a time in the years 1 to 9999, with 0 to 999999999 nanos",
                )
            })
    }

    /// The time.
    #[must_use]
    pub const fn time(self) -> Option<DateTime<Utc>> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(seconds: i64, nanos: i32) -> prost_types::Timestamp {
        prost_types::Timestamp { seconds, nanos }
    }

    #[test]
    fn a_due_time_lies_in_the_years_1_to_9999_and_is_kept_to_the_microsecond() {
        let due = Due::parse(Some(&timestamp(0, 1_999))).unwrap();
        assert_eq!(due.time().unwrap().timestamp_subsec_nanos(), 1_000);
        for (seconds, nanos) in [(-62_135_596_800, 0), (253_402_300_799, 999_999_999)] {
            assert!(Due::parse(Some(&timestamp(seconds, nanos))).is_ok());
        }
        for (seconds, nanos) in [
            (-62_135_596_801, 0),
            (253_402_300_800, 0),
            (i64::MAX, 0),
            (0, -1),
            (0, 1_000_000_000),
        ] {
            let problem = Due::parse(Some(&timestamp(seconds, nanos))).unwrap_err();
            assert_eq!(problem.reason, "NOT_A_TIME", "{seconds} {nanos}");
        }
    }

    #[test]
    fn labels_are_a_sorted_set_and_every_wrong_one_is_named() {
        let mut violations = Violations::default();
        let raw = ["b", "a", "b"].map(str::to_owned);
        let labels = Labels::parse(&raw, "task.labels", &mut violations).unwrap();
        assert_eq!(labels.as_slice(), ["a", "b"]);

        let raw = ["", "a", "x\n"].map(str::to_owned);
        assert_eq!(Labels::parse(&raw, "task.labels", &mut violations), None);
        let found = violations.finish(|| Some(())).unwrap_err();
        let fields: Vec<_> = found.iter().map(|violation| &*violation.field).collect();
        assert_eq!(fields, ["task.labels[0]", "task.labels[2]"]);
    }

    #[test]
    fn twenty_one_different_labels_are_too_many_but_repeated_ones_count_once() {
        let numbered = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        let mut violations = Violations::default();
        let mut twice = numbered(20);
        twice.extend(numbered(20));
        assert!(Labels::parse(&twice, "l", &mut violations).is_some());
        assert!(Labels::parse(&numbered(21), "l", &mut violations).is_none());
        let found = violations.finish(|| Some(())).unwrap_err();
        assert_eq!(found[0].problem.reason, "TOO_MANY");
    }
}
