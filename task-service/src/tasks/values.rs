//! The values of a task's fields. A value exists only if the contract allows it.

use std::collections::BTreeSet;

use api::{bounds, text, time::moment};
use chrono::{DateTime, SubsecRound as _, Utc};
use contract::refusal::{Problem, Violations};
use prost_types::Timestamp;

/// The largest number of labels of a task.
const MAX_LABELS: usize = 20;

/// The title of a task: 1 to 200 code points on one line, NFC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Title(String);

impl Title {
    /// Parses the text of a request.
    pub(crate) fn parse(raw: &str) -> Result<Self, Problem> {
        text::line(raw, bounds::TITLE).map(Self)
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The description of a task: at most 2000 code points, NFC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description(String);

impl Description {
    /// Parses the text of a request.
    pub(crate) fn parse(raw: &str) -> Result<Self, Problem> {
        text::block(raw, bounds::DESCRIPTION).map(Self)
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// How far a task has come. The number is the contract's, and it is what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub(crate) enum Status {
    Pending = 1,
    InProgress = 2,
    Completed = 3,
}

impl Status {
    pub(crate) const ALL: [Self; 3] = [Self::Pending, Self::InProgress, Self::Completed];

    /// The name in the contract, without its prefix `TASK_STATUS_`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
        }
    }
}

/// How important a task is. The number is the contract's, and it is what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub(crate) enum Priority {
    Low = 1,
    Normal = 2,
    High = 3,
}

impl Priority {
    pub(crate) const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// The name in the contract, without its prefix `TASK_PRIORITY_`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Normal => "NORMAL",
            Self::High => "HIGH",
        }
    }
}

/// A set of at most 20 labels, each 1 to 50 code points on one line, NFC; sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Labels(Vec<String>);

impl Labels {
    /// Parses the labels of a request. Each invalid one is added to `violations` with its position, such as
    /// `task.labels[3]`.
    pub(crate) fn parse(raw: &[String], field: &str, violations: &mut Violations) -> Option<Self> {
        let mut set = BTreeSet::new();
        let mut valid = true;
        for (index, label) in raw.iter().enumerate() {
            match violations.take(&format!("{field}[{index}]"), text::line(label, 1..=50)) {
                Some(label) => _ = set.insert(label),
                None => valid = false,
            }
        }
        if set.len() > MAX_LABELS {
            let description = format!("holds {} of at most {MAX_LABELS} labels", set.len());
            violations.note(field, Problem::new("TOO_MANY", description));
            return None;
        }
        valid.then(|| Self(set.into_iter().collect()))
    }

    /// The labels, sorted, each once.
    pub(crate) fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// When a task is due, if it is: years 1 to 9999, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Due(Option<DateTime<Utc>>);

impl Due {
    /// Parses the time of a request, which is `seconds` and `nanos` after the beginning of 1970. Fractions of a microsecond
    /// are cut off.
    pub(crate) fn parse(seconds: i64, nanos: i32) -> Result<Self, Problem> {
        moment(Timestamp { seconds, nanos })
            .map(|time| Self(Some(time.trunc_subsecs(6))))
            .ok_or_else(|| {
                let description =
                    "must be a time in the years 1 to 9999, with 0 to 999999999 nanos";
                Problem::new("NOT_A_TIME", description)
            })
    }

    /// The time.
    pub(crate) const fn time(self) -> Option<DateTime<Utc>> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_due_time_is_in_the_years_1_to_9999_and_is_kept_to_the_microsecond() {
        let due = Due::parse(0, 1_999).unwrap();
        assert_eq!(due.time().unwrap().timestamp_subsec_nanos(), 1_000);
        for (seconds, nanos) in [(-62_135_596_800, 0), (253_402_300_799, 999_999_999)] {
            assert!(Due::parse(seconds, nanos).is_ok());
        }
        for (seconds, nanos) in [
            (-62_135_596_801, 0),
            (253_402_300_800, 0),
            (i64::MAX, 0),
            (0, -1),
            (0, 1_000_000_000),
        ] {
            let problem = Due::parse(seconds, nanos).unwrap_err();
            assert_eq!(problem.reason, "NOT_A_TIME", "{seconds} {nanos}");
        }
    }

    #[test]
    fn labels_are_a_sorted_set_and_every_invalid_one_is_named() {
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
