//! The problems of a configuration, and the exit code of a process that has some.

use std::fmt::{self, Write as _};

use super::provenance::Provenance;

/// Exit code of a process whose configuration is wrong (`EX_CONFIG`, sysexits.h).
pub const EX_CONFIG: u8 = 78;

/// One problem of one setting. Never contains the value of a secret.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingProblem {
    key: String,
    message: String,
    provenance: Option<Provenance>,
}

impl SettingProblem {
    pub(crate) fn new(
        key: impl Into<String>,
        message: impl Into<String>,
        provenance: Option<Provenance>,
    ) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
            provenance,
        }
    }

    /// The setting's dotted key, such as `auth.listen`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// One line: `key: what is wrong (from where it was set)`. Control characters are escaped, so that it is always one line.
impl fmt::Display for SettingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = format!("{}: {}", self.key, self.message);
        if let Some(provenance) = &self.provenance {
            write!(line, " (from {provenance})")?;
        }
        for character in line.chars() {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

/// All problems of a configuration, at least one, sorted by key, each once.
#[derive(Debug, Clone, PartialEq)]
pub struct Problems(Vec<SettingProblem>);

impl Problems {
    pub(crate) fn new(mut problems: Vec<SettingProblem>) -> Self {
        problems.sort_by(|one, other| one.key.cmp(&other.key));
        // Two parts of one process may read the same setting.
        problems.dedup();
        Self(problems)
    }

    /// The problems, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = &SettingProblem> {
        self.0.iter()
    }
}

/// One line for each problem, without a newline at the end.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
