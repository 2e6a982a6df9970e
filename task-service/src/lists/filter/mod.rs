//! The filter language of `ListTasks`: a small, documented subset of AIP-160.
//!
//! ```text
//! filter     = factor { "AND" factor }
//! factor     = term { "OR" term }
//! term       = [ "NOT" | "-" ] simple
//! simple     = "(" filter ")" | comparison | presence | "labels" ":" string | string
//! comparison = ( "status" | "priority" | time ) operator value
//! presence   = ( time | "labels" ) ":" "*"
//! time       = "due_time" | "create_time" | "update_time" | "complete_time"
//! operator   = "=" | "!=" | "<" | "<=" | ">" | ">="
//! ```
//!
//! As in AIP-160, `OR` binds more tightly than `AND`: `a AND b OR c` is `a AND (b OR c)`. A comparison with a time that is not
//! set is false, but for `!=`, so `NOT` of it is true.
//!
//! `status` and `priority` take enum names with or without their prefix. Times are RFC 3339 in quotes. A string alone is
//! searched for in title and description; upper and lower case are the same. An error says its position, counted in
//! characters from 1.

mod lexer;
mod parser;
mod terms;
mod time;

use chrono::{DateTime, Utc};
use contract::refusal::Problem;

pub(crate) use self::terms::{LabelTerm, TextTerm};
use crate::tasks::values::{Priority, Status};

/// The largest length of a filter, in code points.
const MAX_LENGTH: usize = 1000;
/// The largest number of terms of a filter.
const MAX_TERMS: usize = 20;
/// The largest number of terms that search for text, which is the most expensive condition.
const MAX_TEXT_TERMS: usize = 3;
/// How deep parentheses can be nested.
const MAX_DEPTH: usize = 8;

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
    Complete,
}

/// A condition on one property of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Term {
    /// Only with `=` and `!=`.
    Status(Operator, Status),
    Priority(Operator, Priority),
    /// The time is to the microsecond. A task without this time matches only `!=`.
    Time(TimeField, Operator, DateTime<Utc>),
    /// The task has this time.
    HasTime(TimeField),
    /// The task has this label.
    Label(LabelTerm),
    /// The task has a label.
    HasLabel,
    /// The title or the description contains this text.
    Text(TextTerm),
    /// Every task matches, or none.
    Constant(bool),
}

/// A condition on a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// All of them hold.
    All(Vec<Condition>),
    /// At least one of them holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// The term holds.
    Term(Term),
}

/// A parsed filter. The empty filter matches every task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Filter {
    condition: Option<Condition>,
}

impl Filter {
    /// Parses the text of a request. Empty text is the empty filter.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let length = text.chars().count();
        if length > MAX_LENGTH {
            let description = format!("has {length} of at most {MAX_LENGTH} characters");
            return Err(Problem::new("TOO_LONG", description));
        }
        let condition = parser::condition(text)?;
        Ok(Self { condition })
    }

    /// What must hold, if anything.
    pub(crate) fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }
}

/// A syntax error at a position of the text.
fn syntax_error(position: usize, what: &str) -> Problem {
    Problem::new("BAD_FILTER", format!("at character {position}: {what}"))
}

#[cfg(test)]
mod tests;
