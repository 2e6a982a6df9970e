//! Mistakes in a configuration, and the place that must be reported for each.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use proptest::{prelude::*, sample::Index};
use settings::SettingFacts;

use crate::{KEY, MARKER, put};

/// A mistake in one setting.
#[derive(Debug, Clone)]
pub(crate) struct Mistake {
    setting: Index,
    value: Index,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Wrong(Layer),
    Misspelt(Layer),
    Twice,
    NoFile,
    NotText,
}

#[derive(Debug, Clone, Copy)]
enum Layer {
    Environment,
    DotEnv,
    Toml,
    NamedFile,
}

pub(crate) fn any_mistake() -> impl Strategy<Value = Mistake> {
    let layers = [
        Layer::Environment,
        Layer::DotEnv,
        Layer::Toml,
        Layer::NamedFile,
    ];
    let wrong = layers.map(Kind::Wrong);
    let misspelt = [Layer::Environment, Layer::DotEnv, Layer::Toml].map(Kind::Misspelt);
    let others = [Kind::Twice, Kind::NoFile, Kind::NotText];
    let kinds = [&wrong[..], &misspelt, &others].concat();
    let parts = (any::<Index>(), any::<Index>(), prop::sample::select(kinds));
    parts.prop_map(|(setting, value, kind)| Mistake {
        setting,
        value,
        kind,
    })
}

/// Texts that are not a value of the setting.
fn wrong_values(setting: &SettingFacts) -> Vec<String> {
    let common = if setting.secret {
        "\u{FFFD}hunter2hunter2"
    } else {
        "two\nlines"
    };
    let above_maximum = setting
        .bounds
        .as_ref()
        .map(|(_, maximum)| match maximum.parse::<u64>() {
            Ok(maximum) => (maximum + 1).to_string(),
            Err(_) => format!("{maximum} 1ns"),
        });
    // An optional setting may be empty.
    let is_wrong = |text: &&&str| setting.required || !text.is_empty();
    let of_the_form = wrong_for_form(setting).iter().filter(is_wrong);
    of_the_form
        .map(|text| (*text).to_owned())
        .chain([common.to_owned(), "\u{FFFD}".to_owned()])
        .chain(above_maximum)
        .collect()
}

/// Texts that do not have the form of the setting.
fn wrong_for_form(setting: &SettingFacts) -> &'static [&'static str] {
    match setting.form.as_str() {
        "whole number" => &[
            "",
            "x",
            "-1",
            "1.5",
            "0x10",
            "1e3",
            "340282366920938463463374607431768211456",
        ],
        "number" => &["", "x", "NaN", "-1", "1.5", "1 %"],
        "duration" => &["", "soon", "5", "-1s", "5 minuts", "99999999999999999999d"],
        "true or false" => &["", "yes", "TRUE", "1"],
        "address and port" => &["", "localhost:1", "127.0.0.1", "127.0.0.1:65536", "[::1:1"],
        "URI" => &["", "nowhere", "/x", "ftp://h", "http://", "http:// h"],
        "list, each: origin" => &["*", "null", "https://a.example/x", "https://a.example,,"],
        "list, each: address or block" => &["10.0.0.0/33", "x", "127.0.0.1,"],
        "auto, json or human" => &["", "xml", "JSON"],
        "level, or levels per target" => &["", "inof", "info,sqlx=loud"],
        "text" if setting.required => &["", "  "],
        "text" => &["  "],
        "secret" => &[
            MARKER,
            "change-me",
            "mysql://u:hunter2hunter2@h/d",
            "1:hunter2hunter2",
            "hunter2hunter2\nx",
        ],
        _ => &[],
    }
}

/// The layers of a configuration with mistakes in them.
#[derive(Debug)]
pub(crate) struct Layers {
    folder: PathBuf,
    environment: BTreeMap<String, String>,
    dot_env: String,
    toml: String,
    /// The place that must be reported for each key.
    places: BTreeMap<String, String>,
}

impl Layers {
    pub(crate) fn new(folder: &Path, environment: BTreeMap<String, String>) -> Self {
        Self {
            folder: folder.to_owned(),
            environment,
            dot_env: String::new(),
            toml: String::new(),
            places: BTreeMap::new(),
        }
    }

    /// Adds a mistake, unless there is already one for the setting.
    pub(crate) fn add(&mut self, mistake: &Mistake, settings: &[SettingFacts]) {
        let setting = mistake.setting.get(settings);
        let (key, variable) = (&setting.key, setting.variable());
        if let Kind::Misspelt(layer) = mistake.kind {
            let (key, variable) = (format!("{key}x"), format!("{variable}X"));
            if !self.places.contains_key(&key) {
                self.set(layer, &key, &variable, MARKER);
            }
            return;
        }
        if self.places.contains_key(key) {
            return;
        }
        let valid = self.environment.remove(&variable);
        match mistake.kind {
            Kind::Wrong(layer) => {
                let values = wrong_values(setting);
                self.set(layer, key, &variable, mistake.value.get::<String>(&values));
            }
            Kind::Twice => {
                let value = valid.unwrap_or_else(|| KEY.to_owned());
                self.environment.insert(variable.clone(), value);
                self.environment
                    .insert(format!("{variable}_FILE"), "/dev/null".to_owned());
                self.places.insert(key.clone(), variable);
            }
            Kind::NoFile => {
                let path = if setting.secret { MARKER } else { "/nowhere" };
                self.name_file(key, &variable, Path::new(path));
            }
            Kind::NotText => {
                let path = self.folder.join(key);
                fs::write(&path, b"hunter2hunter2\xff").unwrap();
                self.name_file(key, &variable, &path);
            }
            Kind::Misspelt(_) => {}
        }
    }

    /// Names a file that cannot be read as text. The mistake is in the variable that names it.
    fn name_file(&mut self, key: &str, variable: &str, path: &Path) {
        let file = format!("{variable}_FILE");
        self.environment
            .insert(file.clone(), path.display().to_string());
        self.places.insert(key.to_owned(), file);
    }

    fn set(&mut self, layer: Layer, key: &str, variable: &str, value: &str) {
        let place = match layer {
            Layer::Environment => {
                self.environment
                    .insert(variable.to_owned(), value.to_owned());
                variable.to_owned()
            }
            Layer::DotEnv => {
                self.dot_env.extend([variable, "='", value, "'\n"]);
                format!("{variable} in .env")
            }
            Layer::Toml => {
                let text = serde_json::to_string(value).unwrap();
                self.toml.extend([key, " = ", &text, "\n"]);
                format!("{key} in {}", self.folder.join("t.toml").display())
            }
            Layer::NamedFile => {
                let (file, path) = (format!("{variable}_FILE"), self.folder.join(key));
                fs::write(&path, format!("{value}\n")).unwrap();
                self.environment
                    .insert(file.clone(), path.display().to_string());
                format!("the file {}, named by {file}", path.display())
            }
        };
        self.places.insert(key.to_owned(), place);
    }

    /// Writes the files. Returns the environment and the place of each mistake.
    pub(crate) fn finish(self) -> (Vec<(String, String)>, BTreeMap<String, String>) {
        put(&self.folder.join(".env"), self.dot_env.as_bytes());
        let mut environment: Vec<_> = self.environment.into_iter().collect();
        if !self.toml.is_empty() {
            put(&self.folder.join("t.toml"), self.toml.as_bytes());
            environment.push(("TANDEM_CONFIG".to_owned(), "t.toml".to_owned()));
        }
        (environment, self.places)
    }
}
