//! The layers of settings, merged by figment. Each layer is a provider of values under flat keys, with metadata that says where
//! they came from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use figment::providers::Serialized;
use figment::value::{Dict, Map};
use figment::{Figment, Metadata, Profile, Provider};

use super::files::{read_dot_env, read_toml, toml_leaves};
use super::names::{CONFIG_VARIABLE, dotted, flat, variable_key};
use super::problems::SettingProblem;
use super::provenance::{Layer, Provenance};
use super::source::Source;

/// A flat key or the name of a variable, and the text it is set to.
type Pair = (String, String);

/// The text of a setting, and where it came from. No `Debug`: the text may be a secret.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) provenance: Provenance,
}

/// The value of the highest layer, for every flat key that is set.
pub(crate) type Winners = BTreeMap<String, Found>;

/// All layers as one.
pub(crate) struct Merged {
    pub(crate) values: Winners,
    /// Files that could not be read.
    pub(crate) unreadable: Vec<SettingProblem>,
    /// Settings that one layer sets under two names.
    pub(crate) doubles: Vec<SettingProblem>,
}

/// Reads and merges the layers.
pub(crate) fn merge(source: Source<'_>) -> Merged {
    let mut unreadable = Vec::new();
    let dot_env = read_dot_env(&source.directory, &mut unreadable);
    let config_file = config_file(&source, &dot_env);

    let mut layers = Layers::default();
    for defaults in source.defaults {
        let leaves = toml_leaves(defaults).expect("an embedded default.toml is TOML");
        layers.add(Layer::Default.metadata(), leaves);
    }
    let generated = source.generated.into_iter();
    let generated: Map<_, _> = generated.map(|(key, text)| (flat(&key), text)).collect();
    layers.add(Layer::Generated.metadata(), generated);
    match config_file.map(|path| (read_toml(&path), path)) {
        Some((Ok(leaves), path)) => layers.add(Layer::file_metadata(&path), leaves),
        Some((Err(message), _)) => unreadable.push(SettingProblem::new("config", message, None)),
        None => {}
    }
    layers.add(Layer::DotEnv.metadata(), variables(dot_env));
    layers.add(Layer::Environment.metadata(), variables(source.environment));
    Merged {
        values: layers.values(),
        unreadable,
        doubles: layers.doubles,
    }
}

/// The file that `TANDEM_CONFIG` names, in the environment or else in `.env`.
fn config_file(source: &Source<'_>, dot_env: &[Pair]) -> Option<PathBuf> {
    let named = |pairs: &[Pair]| {
        let last = pairs.iter().rfind(|(name, _)| name == CONFIG_VARIABLE);
        last.map(|(_, path)| path.clone())
    };
    named(&source.environment)
        .or_else(|| named(dot_env))
        .filter(|path| !path.is_empty())
        .map(|path| source.directory.join(path))
}

/// The pairs of the variables that set settings, under flat keys. Of variables with equal names the last counts.
fn variables(pairs: Vec<Pair>) -> impl Iterator<Item = Pair> {
    let by_name: BTreeMap<String, String> = pairs.into_iter().collect();
    let by_name = by_name.into_iter();
    by_name.filter_map(|(name, value)| Some((variable_key(&name)?, value)))
}

/// The layers added so far.
#[derive(Default)]
struct Layers {
    figment: Figment,
    doubles: Vec<SettingProblem>,
}

impl Layers {
    /// Adds a layer above the others. A setting that it sets under two names, such as `TANDEM_AUTH__LISTEN` and
    /// `TANDEM_auth__listen`, is a problem, since either may be meant.
    fn add(&mut self, metadata: Metadata, pairs: impl IntoIterator<Item = Pair>) {
        let mut values = Map::new();
        for (flat, text) in pairs {
            if values.insert(flat.clone(), text).is_some() {
                let provenance = Some(Provenance::new(&metadata, &flat));
                let problem = SettingProblem::new(dotted(&flat), "is set twice", provenance);
                self.doubles.push(problem);
            }
        }
        let figment = std::mem::take(&mut self.figment);
        self.figment = figment.merge(LayerProvider { metadata, values });
    }

    /// Every value with its provenance. Taken out at once, because figment copies all values to find one.
    fn values(&self) -> Winners {
        let mut data = self.figment.data().unwrap_or_default();
        let values = data.remove(&Profile::Default).unwrap_or_default();
        let found = values.into_iter().filter_map(|(flat, value)| {
            let metadata = self.figment.get_metadata(value.tag())?;
            let provenance = Provenance::new(metadata, &flat);
            let text = value.into_string()?;
            Some((flat, Found { text, provenance }))
        });
        found.collect()
    }
}

/// The texts of one layer under flat keys.
struct LayerProvider {
    metadata: Metadata,
    values: Map<String, String>,
}

impl Provider for LayerProvider {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Serialized::defaults(&self.values).data()
    }
}
