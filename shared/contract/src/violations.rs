//! Field violations, collected so that one answer lists them all (AIP-193).

use tonic_types::FieldViolation;

/// How many violations one answer lists, so that the details stay below 4 KiB.
const MAX_VIOLATIONS: usize = 12;

/// Why a value is invalid, without the field it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `UPPER_SNAKE_CASE`, for programs.
    pub reason: &'static str,
    /// For people; never contains a secret.
    pub description: String,
}

impl Problem {
    /// A problem from its parts.
    pub fn new(reason: &'static str, description: impl Into<String>) -> Self {
        Self {
            reason,
            description: description.into(),
        }
    }
}

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request, such as `task.title`.
    pub field: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl Violation {
    /// As a part of `google.rpc.BadRequest`.
    pub(crate) fn to_field_violation(&self) -> FieldViolation {
        FieldViolation {
            reason: self.problem.reason.to_owned(),
            ..FieldViolation::new(&self.field, &self.problem.description)
        }
    }
}

/// Collects the violations of one request.
///
/// ```
/// # use contract::refusal::{Problem, Violations};
/// let mut violations = Violations::default();
/// let age = violations.take("age", "x".parse::<u8>().map_err(|e| Problem::new("NOT_A_NUMBER", e.to_string())));
/// assert_eq!(violations.finish(|| age).unwrap_err()[0].field, "age");
/// ```
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// The value, or `None` after noting what is wrong with the field.
    pub fn take<T>(&mut self, field: &str, parsed: Result<T, Problem>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(problem) => {
                self.note(field, problem);
                None
            }
        }
    }

    /// Notes a violation.
    pub fn note(&mut self, field: &str, problem: Problem) {
        if self.0.len() < MAX_VIOLATIONS {
            self.0.push(Violation {
                field: field.to_owned(),
                problem,
            });
        }
    }

    /// The result of `build`, or all violations if there are any.
    ///
    /// `build` returns `None` only when a value it needs is missing because of a violation.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, Vec<Violation>> {
        if !self.0.is_empty() {
            return Err(self.0);
        }
        Ok(build().expect("without a violation every value is present"))
    }
}
