//! What an API key may do, and until when.

use chrono::{DateTime, Months, SubsecRound as _, Utc};
use shared::{
    refusal::{Problem, Violations},
    token::{Scope, Scopes},
};

/// Longest life of a key, in months.
const LONGEST: Months = Months::new(12);
/// What a key may be given: never `account`, so that a key makes no keys, and never `admin`.
const GRANTABLE: [Scope; 2] = [Scope::TasksRead, Scope::TasksWrite];

/// The scopes of a key: at least one of those that a key may have, each once, in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct KeyScopes(String);

impl KeyScopes {
    /// Parses a repeated field, noting what is wrong with each of its values.
    pub fn parse(field: &str, names: &[String], violations: &mut Violations) -> Option<Self> {
        if names.is_empty() {
            let problem = Problem::new("REQUIRED", "must name at least one scope");
            violations.note(field, problem);
            return None;
        }
        let mut scopes = Some(Scopes::default());
        for (at, name) in names.iter().enumerate() {
            let scope = violations.take(&format!("{field}[{at}]"), grantable(name));
            scopes = scopes.zip(scope).map(|(scopes, scope)| scopes.with(scope));
        }
        scopes.map(|scopes| Self(scopes.to_string()))
    }

    /// As the `scope` claim has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One by one.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.split(' ').map(str::to_owned).collect()
    }
}

fn grantable(name: &str) -> Result<Scope, Problem> {
    Scope::parse(name)
        .filter(|scope| GRANTABLE.contains(scope))
        .ok_or_else(|| Problem::new("SCOPE_INVALID", "must be tasks.read or tasks.write"))
}

/// When a key ends: in the future, at most a year ahead, in whole seconds as tokens count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyEnd(DateTime<Utc>);

impl KeyEnd {
    /// Parses the field of a message; a year ahead when it is not set.
    pub fn parse(
        asked: Option<&prost_types::Timestamp>,
        now: DateTime<Utc>,
    ) -> Result<Self, Problem> {
        let latest = (now + LONGEST).trunc_subsecs(0);
        let Some(prost_types::Timestamp { seconds, nanos }) = asked else {
            return Ok(Self(latest));
        };
        let end = u32::try_from(*nanos)
            .ok()
            .and_then(|nanos| DateTime::from_timestamp(*seconds, nanos))
            .ok_or_else(|| Problem::new("NOT_A_TIME", "must be a time of the calendar"))?
            .trunc_subsecs(0);
        if end <= now {
            return Err(Problem::new(
                "IN_THE_PAST",
                "must be at least a second ahead",
            ));
        }
        if end > latest {
            return Err(Problem::new("TOO_FAR", "must be at most one year ahead"));
        }
        Ok(Self(end))
    }

    /// The moment.
    #[must_use]
    pub const fn time(self) -> DateTime<Utc> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(names: &[&str]) -> Result<String, Vec<(String, &'static str)>> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut violations = Violations::default();
        let scopes = KeyScopes::parse("scopes", &names, &mut violations);
        let noted = violations.finish(|| scopes);
        noted
            .map(|scopes| scopes.as_str().to_owned())
            .map_err(|violations| {
                let brief = violations
                    .into_iter()
                    .map(|one| (one.field, one.problem.reason));
                brief.collect()
            })
    }

    #[test]
    fn scopes_are_a_set_in_one_order() {
        assert_eq!(scopes(&["tasks.read"]).unwrap(), "tasks.read");
        let both = scopes(&["tasks.write", "tasks.read", "tasks.write"]);
        assert_eq!(both.unwrap(), "tasks.read tasks.write");
    }

    #[test]
    fn a_key_needs_a_scope_and_gets_neither_account_nor_admin_nor_an_unknown_one() {
        let none = vec![("scopes".to_owned(), "REQUIRED")];
        assert_eq!(scopes(&[]).unwrap_err(), none);
        let wrong = [
            "account",
            "tasks.read",
            "admin",
            "",
            "tasks.read tasks.write",
        ];
        let expected = [0, 2, 3, 4].map(|at| (format!("scopes[{at}]"), "SCOPE_INVALID"));
        assert_eq!(scopes(&wrong).unwrap_err(), expected);
    }

    fn end(asked: (i64, i32)) -> Result<DateTime<Utc>, &'static str> {
        let now: DateTime<Utc> = "2028-02-29T12:00:00.5Z".parse().unwrap();
        let asked = prost_types::Timestamp {
            seconds: now.timestamp() + asked.0,
            nanos: asked.1,
        };
        let parsed = KeyEnd::parse(Some(&asked), now);
        parsed.map(KeyEnd::time).map_err(|problem| problem.reason)
    }

    #[test]
    fn a_key_ends_within_a_year_in_whole_seconds() {
        let now: DateTime<Utc> = "2028-02-29T12:00:00.5Z".parse().unwrap();
        let year = KeyEnd::parse(None, now).unwrap().time();
        assert_eq!(year.to_rfc3339(), "2029-02-28T12:00:00+00:00");
        let seconds = year.timestamp() - now.timestamp();
        assert_eq!(end((seconds, 999_999_999)), Ok(year));
        assert_eq!(end((seconds + 1, 0)), Err("TOO_FAR"));
        assert_eq!(
            end((1, 0)).unwrap().to_rfc3339(),
            "2028-02-29T12:00:01+00:00"
        );
        assert_eq!(end((0, 999_999_999)), Err("IN_THE_PAST"));
        assert_eq!(end((-1, 0)), Err("IN_THE_PAST"));
        for wrong in [(1, -1), (i64::MAX / 2, 0)] {
            assert_eq!(end(wrong), Err("NOT_A_TIME"));
        }
    }
}
