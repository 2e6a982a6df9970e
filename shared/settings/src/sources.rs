//! The layers settings come from, turned into flat values figment can merge.
//!
//! Keys are kept the way the environment spells them, `auth__access_ttl`. Flat keys cannot collide: a variable `TANDEM_AUTH`
//! is one unknown key and does not take the place of the whole section.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::files::{read_dot_env, read_toml, toml_leaves, without_doubles};
use super::problems::Problem;
use super::provenance::{Layer, Provenance};

pub(crate) const PREFIX: &str = "TANDEM_";
pub(crate) const CONFIG_VARIABLE: &str = "TANDEM_CONFIG";
pub(crate) const DATABASE_URL: &str = "DATABASE_URL";
/// The settings every binary has, with their meanings and defaults.
pub const DEFAULTS: &str = include_str!("default.toml");

/// `auth.access_ttl` as the layers keep it: `auth__access_ttl`.
pub(crate) fn flat(key: &str) -> String {
    key.replace('.', "__")
}

/// `auth__access_ttl` as people read it: `auth.access_ttl`.
pub(crate) fn dotted(flat: &str) -> String {
    flat.replace("__", ".")
}

/// The variable that sets a setting: `TANDEM_AUTH__ACCESS_TTL`.
pub(crate) fn variable(flat: &str) -> String {
    let name = flat.to_ascii_uppercase();
    if flat.starts_with(DATABASE_URL) {
        name
    } else {
        format!("{PREFIX}{name}")
    }
}

/// Where the settings of one binary come from. The environment is an argument: tests never touch the process's own.
pub struct Source<'a> {
    /// The embedded `default.toml`s, later ones win. Those of `log` are there already.
    pub defaults: &'a [&'a str],
    /// The sections this binary reads: an unknown key in one of them is a problem.
    pub sections: &'a [&'a str],
    /// Values the program made for itself (dotted key, value), such as the keys a standalone process keeps in its folder.
    pub made: Vec<(String, String)>,
    /// Where `.env` and a relative `TANDEM_CONFIG` are looked for: the working directory.
    pub directory: PathBuf,
    /// Variables of the environment; of equal names the last wins.
    pub environment: Vec<(String, String)>,
}

impl<'a> Source<'a> {
    /// What a binary uses: its defaults, the working directory and the environment of the process.
    #[must_use]
    pub fn of_process(defaults: &'a [&'a str], sections: &'a [&'a str]) -> Self {
        let environment = process_environment();
        Self {
            defaults,
            sections,
            made: Vec::new(),
            directory: PathBuf::from("."),
            environment,
        }
    }
}

/// Shows no values: they include secrets.
impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("sections", &self.sections)
            .finish_non_exhaustive()
    }
}

/// The variables of this process that concern the configuration. The only reader of the process environment.
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

/// The text of a setting, and where it came from. No `Debug`: the text may be a secret.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) provenance: Provenance,
}

/// The value that counts, for every flat key that is set.
pub(crate) type Winners = BTreeMap<String, Found>;

/// All layers as one.
pub(crate) struct Merged {
    pub(crate) values: Winners,
    /// Files that could not be read.
    pub(crate) unreadable: Vec<Problem>,
    /// Settings that one layer sets under two names.
    pub(crate) doubles: Vec<Problem>,
}

/// Reads and merges the layers.
pub(crate) fn merge(source: Source<'_>) -> Merged {
    let (mut unreadable, mut doubles) = (Vec::new(), Vec::new());
    let dot_env = read_dot_env(&source.directory, &mut unreadable);
    let named = |pairs: &[(String, String)]| {
        pairs
            .iter()
            .rfind(|(name, _)| name == CONFIG_VARIABLE)
            .cloned()
    };
    let file = named(&source.environment)
        .or_else(|| named(&dot_env))
        .filter(|(_, path)| !path.is_empty());

    let mut figment = Figment::new();
    for defaults in [DEFAULTS].iter().chain(source.defaults) {
        let leaves = toml_leaves(defaults).expect("the embedded default.toml is TOML");
        let values = leaves.into_iter().collect();
        figment = figment.merge(Values {
            layer: Layer::Default,
            values,
        });
    }
    let made = source
        .made
        .into_iter()
        .map(|(key, value)| (flat(&key), value))
        .collect();
    figment = figment.merge(Values {
        layer: Layer::Made,
        values: made,
    });
    if let Some((_, path)) = file {
        let path = source.directory.join(path);
        match read_toml(&path) {
            Ok((values, twice)) => {
                let layer = Layer::File(path);
                doubles.extend(set_twice(&layer, twice));
                figment = figment.merge(Values { layer, values });
            }
            Err(message) => unreadable.push(Problem::new("config", message, None)),
        }
    }
    for (layer, pairs) in [
        (Layer::DotEnv, dot_env),
        (Layer::Environment, source.environment),
    ] {
        let (values, twice) = variables(pairs);
        doubles.extend(set_twice(&layer, twice));
        figment = figment.merge(Values { layer, values });
    }
    Merged {
        values: values_of(&figment),
        unreadable,
        doubles,
    }
}

/// Taken out once: figment copies all values to find one.
fn values_of(figment: &Figment) -> Winners {
    let mut data = figment.data().unwrap_or_default();
    let values = data.remove(&Profile::Default).unwrap_or_default();
    let found = values.into_iter().filter_map(|(flat, value)| {
        let layer = Layer::of(figment.get_metadata(value.tag())?);
        let provenance = Provenance {
            layer,
            flat: flat.clone(),
            file: None,
        };
        let text = value.into_string()?;
        Some((flat, Found { text, provenance }))
    });
    found.collect()
}

/// One setting under two names of one layer, such as `TANDEM_AUTH__LISTEN` and `TANDEM_auth__listen`: neither is meant.
fn set_twice(layer: &Layer, doubles: Vec<String>) -> impl Iterator<Item = Problem> {
    doubles.into_iter().map(|flat| {
        let provenance = Provenance {
            layer: layer.clone(),
            flat: flat.clone(),
            file: None,
        };
        Problem::new(dotted(&flat), "is set twice", Some(provenance))
    })
}

/// The values of one layer under flat keys.
struct Values {
    layer: Layer,
    values: BTreeMap<String, String>,
}

impl Provider for Values {
    fn metadata(&self) -> Metadata {
        self.layer.metadata()
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        let dict = self
            .values
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
            .collect();
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

/// The values of variables under flat keys, and the keys that variables of different names set.
fn variables(pairs: Vec<(String, String)>) -> (BTreeMap<String, String>, Vec<String>) {
    // Of equal names the last counts.
    let by_name: BTreeMap<String, String> = pairs.into_iter().collect();
    let by_key = by_name.into_iter();
    without_doubles(
        by_key
            .filter_map(|(name, value)| Some((variable_key(&name)?, value)))
            .collect(),
    )
}

/// The flat key a variable sets; none for variables that are not ours.
fn variable_key(name: &str) -> Option<String> {
    match name.strip_prefix(DATABASE_URL) {
        Some("") => return Some(DATABASE_URL.to_owned()),
        Some("_FILE") => return Some(format!("{DATABASE_URL}_file")),
        Some(_) | None => {}
    }
    let rest = name.strip_prefix(PREFIX)?;
    let ours = name != CONFIG_VARIABLE && !is_service_link(rest);
    ours.then(|| rest.to_ascii_lowercase())
}

/// Kubernetes puts `<SERVICE>_SERVICE_HOST`, `<SERVICE>_PORT_50051_TCP_ADDR` … of every Service into every container. Those of
/// a Service called `tandem-auth` begin with our prefix. None has the `__` that every setting has.
fn is_service_link(rest: &str) -> bool {
    let link = ["SERVICE_HOST", "SERVICE_PORT", "PORT"]
        .iter()
        .any(|end| rest.ends_with(end))
        || rest.contains("SERVICE_PORT_")
        || rest.contains("PORT_") && (rest.contains("_TCP") || rest.contains("_UDP"));
    link && !rest.contains("__")
}
