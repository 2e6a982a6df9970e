//! Where a value came from: the metadata that figment keeps for every value.

use std::fmt;
use std::path::{Path, PathBuf};

use figment::{Metadata, Profile};

use super::names::{dotted, variable};

/// A layer of settings, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    Default,
    Generated,
    File,
    DotEnv,
    Environment,
}

impl Layer {
    const ALL: [Self; 5] = [
        Self::Default,
        Self::Generated,
        Self::File,
        Self::DotEnv,
        Self::Environment,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Default => "the default",
            Self::Generated => "this program",
            Self::File => "a file",
            Self::DotEnv => ".env",
            Self::Environment => "the environment",
        }
    }

    /// The metadata of this layer. It renders a flat key as the place where a person looks for it.
    pub(crate) fn metadata(self) -> Metadata {
        let named = Metadata::named(self.name());
        match self {
            Self::Default | Self::Generated => named.interpolater(move |_, _| self.name().into()),
            Self::File => named,
            Self::DotEnv => named.interpolater(|_, keys| format!("{} in .env", variable(keys[0]))),
            Self::Environment => named.interpolater(|_, keys| variable(keys[0])),
        }
    }

    /// The metadata of the layer that a TOML file is.
    pub(crate) fn file_metadata(path: &Path) -> Metadata {
        let shown = path.display().to_string();
        Self::File
            .metadata()
            .source(path)
            .interpolater(move |_, keys| format!("{} in {shown}", dotted(keys[0])))
    }
}

/// Where a value came from, as a person looks for it: a variable, a file and key, or the default.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    metadata: Box<Metadata>,
    flat: String,
    /// The file that holds the value, if the layer only names it (`NAME_FILE`).
    file: Option<PathBuf>,
}

impl Provenance {
    /// The place of a flat key in the layer that the metadata describes.
    pub(crate) fn new(metadata: &Metadata, flat: &str) -> Self {
        Self {
            metadata: Box::new(metadata.clone()),
            flat: flat.to_owned(),
            file: None,
        }
    }

    /// The value is in this file; the layer names the file.
    pub(crate) fn in_file(self, file: PathBuf) -> Self {
        let file = Some(file);
        Self { file, ..self }
    }

    /// The same layer with another key.
    pub(crate) fn with_key(&self, flat: &str) -> Self {
        Self {
            flat: flat.to_owned(),
            ..self.clone()
        }
    }

    pub(crate) fn layer(&self) -> Layer {
        Layer::ALL
            .into_iter()
            .find(|layer| layer.name() == self.metadata.name)
            .expect("the metadata was made by a layer")
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "the file {}, named by ", file.display())?;
        }
        f.write_str(&self.metadata.interpolate(&Profile::Default, &[&self.flat]))
    }
}
