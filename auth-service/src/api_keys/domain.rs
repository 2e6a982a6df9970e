//! What an API key may do, and until when.

use chrono::{DateTime, Months, SubsecRound as _, Utc};
use contract::refusal::{Problem, Violations};
use verifier::{Scope, Scopes};

/// Longest life of a key, in months.
const MAX_LIFE: Months = Months::new(12);
/// The scopes that a key may have: never `account`, so that a key cannot make keys, and never `admin`.
const GRANTABLE: [Scope; 2] = [Scope::TasksRead, Scope::TasksWrite];

/// The scopes of a key: at least one, each once, in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct KeyScopes(String);

impl KeyScopes {
    /// Parses a repeated field, and notes the violation of each of its values.
    pub(crate) fn parse(
        field: &str,
        names: &[String],
        violations: &mut Violations,
    ) -> Option<Self> {
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

    /// As in the claim `scope`.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The names, one by one.
    #[must_use]
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.split(' ').map(str::to_owned).collect()
    }
}

fn grantable(name: &str) -> Result<Scope, Problem> {
    Scope::parse(name)
        .filter(|scope| GRANTABLE.contains(scope))
        .ok_or_else(|| Problem::new("SCOPE_INVALID", "must be tasks.read or tasks.write"))
}

/// When a key ends: in the future, at most a year ahead, in whole seconds because tokens count in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyEnd(DateTime<Utc>);

impl KeyEnd {
    /// The end of a key whose owner did not ask for one: a year ahead.
    #[must_use]
    pub(crate) fn latest(now: DateTime<Utc>) -> Self {
        Self((now + MAX_LIFE).trunc_subsecs(0))
    }

    /// Checks the end that an owner asks for.
    pub(crate) fn parse(asked: DateTime<Utc>, now: DateTime<Utc>) -> Result<Self, Problem> {
        let (end, Self(latest)) = (asked.trunc_subsecs(0), Self::latest(now));
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

    /// The time.
    #[must_use]
    pub(crate) const fn time(self) -> DateTime<Utc> {
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
    fn scopes_are_a_set_in_a_fixed_order() {
        assert_eq!(scopes(&["tasks.read"]).unwrap(), "tasks.read");
        let both = scopes(&["tasks.write", "tasks.read", "tasks.write"]);
        assert_eq!(both.unwrap(), "tasks.read tasks.write");
    }

    #[test]
    fn a_key_needs_a_scope_and_cannot_have_account_admin_or_an_unknown_one() {
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

    #[test]
    fn a_key_ends_within_a_year_in_whole_seconds() {
        let now: DateTime<Utc> = "2028-02-29T12:00:00.5Z".parse().unwrap();
        let end = |second: i64, nanos| {
            let asked = DateTime::from_timestamp(now.timestamp() + second, nanos).unwrap();
            let parsed = KeyEnd::parse(asked, now);
            parsed.map(KeyEnd::time).map_err(|problem| problem.reason)
        };
        let year = KeyEnd::latest(now).time();
        assert_eq!(year.to_rfc3339(), "2029-02-28T12:00:00+00:00");
        let seconds = year.timestamp() - now.timestamp();
        assert_eq!(end(seconds, 999_999_999), Ok(year));
        assert_eq!(end(seconds + 1, 0), Err("TOO_FAR"));
        let next = end(1, 0).unwrap();
        assert_eq!(next.to_rfc3339(), "2028-02-29T12:00:01+00:00");
        assert_eq!(end(0, 999_999_999), Err("IN_THE_PAST"));
        assert_eq!(end(-1, 0), Err("IN_THE_PAST"));
    }
}
