//! Where a value came from.

use std::fmt;
use std::path::{Path, PathBuf};

use figment::Metadata;

use super::sources::{dotted, variable};

/// The layer a value came from, lowest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    Default,
    Made,
    File(PathBuf),
    DotEnv,
    Environment,
}

impl Layer {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        match metadata.name.as_ref() {
            "default" => Self::Default,
            "made" => Self::Made,
            ".env" => Self::DotEnv,
            "environment" => Self::Environment,
            _ => Self::File(
                metadata
                    .source
                    .as_ref()
                    .and_then(figment::Source::file_path)
                    .map(Path::to_path_buf)
                    .unwrap_or_default(),
            ),
        }
    }

    pub(crate) fn metadata(&self) -> Metadata {
        match self {
            Self::Default => Metadata::named("default"),
            Self::Made => Metadata::named("made"),
            Self::File(path) => Metadata::from("file", path.as_path()),
            Self::DotEnv => Metadata::named(".env"),
            Self::Environment => Metadata::named("environment"),
        }
    }
}

/// Where a value came from, as a person looks for it: a variable, a file and key, or the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    pub(crate) layer: Layer,
    pub(crate) flat: String,
    /// The file that holds the value, if the layer only names it (`NAME_FILE`).
    pub(crate) file: Option<PathBuf>,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "the file {}, named by ", file.display())?;
        }
        match &self.layer {
            Layer::Default => write!(f, "the default"),
            Layer::Made => write!(f, "this program"),
            Layer::File(path) => write!(f, "{} in {}", dotted(&self.flat), path.display()),
            Layer::DotEnv => write!(f, "{} in .env", variable(&self.flat)),
            Layer::Environment => write!(f, "{}", variable(&self.flat)),
        }
    }
}
