//! Where the settings of a program come from.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::names::{CONFIG_VARIABLE, variable_key};

/// Where the settings of one binary come from. The environment is an argument, so that tests can run in parallel.
pub struct Source<'a> {
    /// The embedded `default.toml`s; later ones win.
    pub defaults: &'a [&'a str],
    /// The sections this binary reads: an unknown key in one of them is a problem.
    pub sections: &'a [&'a str],
    /// Values that the program generated (dotted key, value), such as the keys that a standalone process keeps in its folder.
    pub generated: Vec<(String, String)>,
    /// The directory of `.env` and of a relative `TANDEM_CONFIG`: the working directory.
    pub directory: PathBuf,
    /// Variables of the environment; of equal names the last wins.
    pub environment: Vec<(String, String)>,
}

impl<'a> Source<'a> {
    /// What a binary uses: its defaults, the working directory and the environment of the process.
    #[must_use]
    pub fn of_process(defaults: &'a [&'a str], sections: &'a [&'a str]) -> Self {
        Self {
            defaults,
            sections,
            generated: Vec::new(),
            directory: PathBuf::from("."),
            environment: process_environment(),
        }
    }
}

/// Shows no values, since they include secrets.
impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("sections", &self.sections)
            .finish_non_exhaustive()
    }
}

/// The variables of this process that set settings. No other function reads the environment of the process.
///
/// What is not UTF-8 is kept with replacement characters, which no setting accepts.
#[must_use]
pub fn process_environment() -> Vec<(String, String)> {
    let text = |bytes: OsString| bytes.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .filter(|(name, _)| name == CONFIG_VARIABLE || variable_key(name).is_some())
        .collect()
}
