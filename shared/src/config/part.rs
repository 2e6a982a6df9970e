//! Commands that need only a part of the configuration: a job that migrates holds the migrating role's database URL and no
//! secret of the service.
//!
//! What such a command does not need may be absent. What is set is held to the rules all the same, since a wrong or misspelt
//! setting is a mistake wherever it is found.

use super::common::{Log, database, listen, log, ops};
use super::problems::Problems;
use super::settings::Settings;
use super::sources::Source;
use crate::{connections::Protocols, database, healthcheck::Asked, tls::listener_tls};

/// What the command `migrate` of a service needs: `<section>.database.*` and `log.*`. `whole` reads all of its settings.
///
/// # Errors
/// One of those missing, or anything wrong with what is set.
pub fn for_migrate<W>(
    source: Source<'_>,
    section: &str,
    whole: impl FnOnce(&mut Settings) -> Option<W>,
) -> Result<(Log, database::Settings), Problems> {
    let needed = [format!("{section}.database."), "log.".to_owned()];
    load(source, needed.into(), whole, |settings| {
        let log = log(settings);
        let database = database(settings, section);
        Some((log?, database?))
    })
}

/// What the command `healthcheck` of a service needs: where it listens, and how it speaks there. `whole` reads all of its settings.
///
/// # Errors
/// That missing, or anything wrong with what is set.
pub fn for_healthcheck<W>(
    source: Source<'_>,
    section: &str,
    whole: impl FnOnce(&mut Settings) -> Option<W>,
) -> Result<Asked, Problems> {
    let needed = vec![format!("{section}.listen")];
    load(source, needed, whole, |settings| {
        let listen = listen(settings, section);
        let tls = listener_tls(settings, section, Protocols::Http2);
        let ops = ops(settings, section);
        Some(Asked {
            listen: listen?,
            tls: tls?,
            ops: ops?,
        })
    })
}

fn load<W, T>(
    source: Source<'_>,
    needed: Vec<String>,
    whole: impl FnOnce(&mut Settings) -> Option<W>,
    part: impl FnOnce(&mut Settings) -> Option<T>,
) -> Result<T, Problems> {
    let mut settings = Settings::load(source);
    settings.needed = Some(needed);
    // Only for what it notes: it gives nothing when something that is not needed is absent.
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
