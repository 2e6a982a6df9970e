//! Commands that need only a part of the configuration: a migration job has the database URL of the migrating role and no secret of
//! the service.

use super::problems::Problems;
use super::settings::Settings;
use super::source::Source;

/// Reads the part of the configuration that a command needs: the settings whose keys are in `needed`, or begin with an item of it that
/// ends with a dot. Other settings may be absent, but every setting that is set must be correct: a wrong or misspelt setting is a
/// mistake in any case. `whole` reads all settings of the binary, `part` those that the command needs.
///
/// # Errors
/// A needed setting that is missing, or anything wrong with what is set.
pub fn load_part<W, T>(
    source: Source<'_>,
    needed: Vec<String>,
    whole: impl FnOnce(&mut Settings) -> Option<W>,
    part: impl FnOnce(&mut Settings) -> Option<T>,
) -> Result<T, Problems> {
    let mut settings = Settings::load(source);
    settings.needed = Some(needed);
    // Called for the problems it notes. It returns None when a setting that is not needed is absent.
    let _ = whole(&mut settings);
    let part = part(&mut settings);
    settings.finish(|| part)
}

impl Settings {
    /// Whether a setting without a value is a problem.
    pub(crate) fn needs(&self, key: &str) -> bool {
        let covers = |needed: &String| {
            needed == key || needed.ends_with('.') && key.starts_with(needed.as_str())
        };
        let needed = self.needed.as_ref();
        needed.is_none_or(|needed| needed.iter().any(covers))
    }
}
