//! The filter language of `ListTasks`: a small, documented subset of AIP-160.
//!
//! ```text
//! filter     = term { "AND" term }
//! term       = comparison | "labels" ":" string | string
//! comparison = ( "status" | "priority" | "due_time" | "create_time" | "update_time" ) operator value
//! operator   = "=" | "!=" | "<" | "<=" | ">" | ">="
//! ```
//!
//! `status` and `priority` take enum names with or without their prefix. Times are RFC 3339 in quotes. A string alone is
//! searched for in title and description; upper and lower case are the same. An error says its position, counted in
//! characters from 1.

mod lexer;
mod parser;

use chrono::{DateTime, Utc};
use contract::refusal::Problem;

use crate::tasks::values::{Priority, Status};

/// The largest length of a filter, in code points.
const MAX_LENGTH: usize = 1000;
/// The largest number of terms of a filter.
const MAX_TERMS: usize = 20;

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
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
pub(crate) enum TimeField {
    Due,
    Create,
    Update,
}

/// A condition on a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Term {
    /// Only with `=` and `!=`.
    Status(Operator, Status),
    Priority(Operator, Priority),
    /// A task without a due time matches only `!=`.
    Time(TimeField, Operator, DateTime<Utc>),
    /// The task has this label.
    Label(String),
    /// The title or the description contains this text.
    Text(String),
}

/// A parsed filter. A task matches when every term holds; the empty filter matches every task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Filter {
    terms: Vec<Term>,
}

impl Filter {
    /// Parses the text of a request. Empty text is the empty filter.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let length = text.chars().count();
        if length > MAX_LENGTH {
            let description = format!("has {length} of at most {MAX_LENGTH} characters");
            return Err(Problem::new("TOO_LONG", description));
        }
        let terms = parser::terms(text)?;
        if terms.len() > MAX_TERMS {
            let description = format!("has {} of at most {MAX_TERMS} terms", terms.len());
            return Err(Problem::new("TOO_MANY_TERMS", description));
        }
        Ok(Self { terms })
    }

    /// The terms. All of them must hold.
    pub(crate) fn terms(&self) -> &[Term] {
        &self.terms
    }
}

/// A syntax error at a position of the text.
fn syntax_error(position: usize, what: &str) -> Problem {
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
    fn every_kind_of_term_is_parsed() {
        let filter = Filter::parse(
            r#"status = COMPLETED AND priority>=TASK_PRIORITY_NORMAL AND due_time < "2026-01-31T00:00:00Z" AND labels:"home" AND "milk \"fresh\"""#,
        )
        .unwrap();
        let due = "2026-01-31T00:00:00Z".parse().unwrap();
        assert_eq!(
            filter.terms(),
            [
                Term::Status(Operator::Equal, Status::Completed),
                Term::Priority(Operator::GreaterOrEqual, Priority::Normal),
                Term::Time(TimeField::Due, Operator::Less, due),
                Term::Label("home".to_owned()),
                Term::Text("milk \"fresh\"".to_owned()),
            ]
        );
        assert_eq!(Filter::parse("  ").unwrap(), Filter::default());
    }

    #[test]
    fn an_unknown_name_is_refused_with_its_position() {
        let statuses = "there are PENDING, IN_PROGRESS, COMPLETED";
        for (filter, position, what) in [
            ("status = DONE", 10, "`DONE` is not a status"),
            (
                "status = TASK_STATUS_UNSPECIFIED",
                10,
                "`TASK_STATUS_UNSPECIFIED` is not a status",
            ),
        ] {
            let expected = format!("at character {position}: {what}; {statuses}");
            assert_eq!(problem(filter), expected);
        }
        assert_eq!(
            problem("priority = URGENT"),
            "at character 12: `URGENT` is not a priority; there are LOW, NORMAL, HIGH"
        );
        assert_eq!(
            problem("colour = RED"),
            "at character 1: `colour` is not a field that can be filtered by"
        );
    }

    #[test]
    fn a_syntax_error_is_refused_with_its_position() {
        let time = "expected a time in RFC 3339, such as \"2026-01-31T00:00:00Z\"";
        let label = "expected `:` and a string, as in labels:\"home\"";
        let term = "expected a field or a string";
        for (filter, position, what) in [
            ("é = 1", 1, "`é` is not allowed here"),
            (
                "status = PENDING status = PENDING",
                18,
                "expected AND or the end",
            ),
            ("status < PENDING", 8, "status takes only = and !="),
            ("due_time > \"soon\"", 12, time),
            ("due_time > 5", 12, "`5` is not allowed here"),
            ("\"open", 1, "the string is not closed"),
            ("status =", 9, "expected a value"),
            ("AND", 1, term),
            ("status = PENDING AND", 21, term),
            ("labels = \"x\"", 8, label),
        ] {
            let expected = format!("at character {position}: {what}");
            assert_eq!(problem(filter), expected, "{filter}");
        }
    }

    #[test]
    fn a_filter_is_bounded() {
        let many = vec!["\"x\""; MAX_TERMS + 1].join(" AND ");
        assert_eq!(Filter::parse(&many).unwrap_err().reason, "TOO_MANY_TERMS");
        let long = "x".repeat(MAX_LENGTH + 1);
        assert_eq!(Filter::parse(&long).unwrap_err().reason, "TOO_LONG");
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,60}") {
            let _either = Filter::parse(&text);
        }

        #[test]
        fn any_string_can_be_searched_for(text in "[^\\p{C}]{1,40}") {
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            let filter = Filter::parse(&format!("\"{quoted}\"")).unwrap();
            prop_assert_eq!(filter.terms(), [Term::Text(text.nfc().collect())]);
        }
    }
}
