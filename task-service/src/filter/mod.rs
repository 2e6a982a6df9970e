//! The filter language of `ListTasks`: a small, documented subset of AIP-160.
//!
//! ```text
//! filter     = term { "AND" term }
//! term       = comparison | "labels" ":" string | string
//! comparison = ( "status" | "priority" | "due_time" | "create_time" | "update_time" ) operator value
//! operator   = "=" | "!=" | "<" | "<=" | ">" | ">="
//! ```
//!
//! `status` and `priority` take enum names with or without their prefix, times take RFC 3339 in quotes, a bare string
//! is looked for in title and description without regard to case. An error names its position, counted in characters
//! from 1.

mod lexer;
mod parser;

use chrono::{DateTime, Utc};
use shared::{
    proto::task::{TaskPriority, TaskStatus},
    refusal::Problem,
};

/// Longest filter, in code points.
const LONGEST: usize = 1000;
/// Most terms of one filter.
const MOST_TERMS: usize = 20;

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A time of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeField {
    /// When it should be done.
    Due,
    /// When it was made.
    Create,
    /// When it last changed.
    Update,
}

/// What a task must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// Of this status (or not: only `=` and `!=` apply).
    Status(Operator, TaskStatus),
    /// Of a priority that compares so.
    Priority(Operator, TaskPriority),
    /// With a time that compares so; a task without a due time is only ever `!=`.
    Time(TimeField, Operator, DateTime<Utc>),
    /// With this label.
    Label(String),
    /// With this text in title or description.
    Text(String),
}

/// A parsed filter: every term must hold; none holds for all tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

impl Filter {
    /// Parses the text of a request; empty text is the empty filter.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let length = text.chars().count();
        if length > LONGEST {
            return Err(Problem::new(
                "TOO_LONG",
                format!("has {length} of at most {LONGEST} characters"),
            ));
        }
        let terms = parser::terms(text)?;
        if terms.len() > MOST_TERMS {
            return Err(Problem::new(
                "TOO_MANY_TERMS",
                format!("has {} of at most {MOST_TERMS} terms", terms.len()),
            ));
        }
        Ok(Self { terms })
    }

    /// The terms, all of which must hold.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }
}

/// A fault in the text, at a position.
fn fault(position: usize, what: &str) -> Problem {
    Problem::new("BAD_FILTER", format!("at character {position}: {what}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization as _;

    use super::*;

    fn problem(text: &str) -> String {
        Filter::parse(text).unwrap_err().description
    }

    #[test]
    fn every_kind_of_term_is_understood() {
        let filter = Filter::parse(
            r#"status = COMPLETED AND priority>=TASK_PRIORITY_NORMAL AND due_time < "2026-01-31T00:00:00Z" AND labels:"home" AND "milk \"fresh\"""#,
        )
        .unwrap();
        let due = "2026-01-31T00:00:00Z".parse().unwrap();
        assert_eq!(
            filter.terms(),
            [
                Term::Status(Operator::Equal, TaskStatus::Completed),
                Term::Priority(Operator::GreaterOrEqual, TaskPriority::Normal),
                Term::Time(TimeField::Due, Operator::Less, due),
                Term::Label("home".to_owned()),
                Term::Text("milk \"fresh\"".to_owned()),
            ]
        );
        assert_eq!(Filter::parse("  ").unwrap(), Filter::default());
    }

    #[test]
    fn an_error_names_its_position() {
        assert_eq!(
            problem("status = DONE"),
            "at character 10: `DONE` is no status; there are PENDING, IN_PROGRESS, COMPLETED"
        );
        assert_eq!(problem("é = 1"), "at character 1: `é` is not allowed here");
        assert_eq!(
            problem("colour = RED"),
            "at character 1: `colour` is no field that can be filtered by"
        );
        assert_eq!(
            problem("status = PENDING status = PENDING"),
            "at character 18: expected AND or the end"
        );
        assert_eq!(
            problem("status < PENDING"),
            "at character 8: status takes only = and !="
        );
        assert_eq!(
            problem("due_time > \"soon\""),
            "at character 12: expected a time in RFC 3339, such as \"2026-01-31T00:00:00Z\""
        );
        assert_eq!(
            problem("due_time > 5"),
            "at character 12: `5` is not allowed here"
        );
        assert_eq!(
            problem("\"open"),
            "at character 1: the string is not closed"
        );
        assert_eq!(problem("status ="), "at character 9: expected a value");
        assert_eq!(
            problem("AND"),
            "at character 1: expected a field or a string"
        );
        assert_eq!(
            problem("status = PENDING AND"),
            "at character 21: expected a field or a string"
        );
        assert_eq!(
            problem("labels = \"x\""),
            "at character 8: expected `:` and a string, as in labels:\"home\""
        );
        assert_eq!(
            problem("status = TASK_STATUS_UNSPECIFIED")
                .split(';')
                .next(),
            Some("at character 10: `TASK_STATUS_UNSPECIFIED` is no status")
        );
    }

    #[test]
    fn a_filter_is_bounded() {
        let many = vec!["\"x\""; MOST_TERMS + 1].join(" AND ");
        assert_eq!(Filter::parse(&many).unwrap_err().reason, "TOO_MANY_TERMS");
        assert_eq!(
            Filter::parse(&"x".repeat(LONGEST + 1)).unwrap_err().reason,
            "TOO_LONG"
        );
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in "\\PC{0,60}") {
            let _either = Filter::parse(&text);
        }

        #[test]
        fn any_string_can_be_looked_for(text in "[^\\p{C}]{1,40}") {
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            let filter = Filter::parse(&format!("\"{quoted}\"")).unwrap();
            prop_assert_eq!(filter.terms(), [Term::Text(text.nfc().collect())]);
        }
    }
}
