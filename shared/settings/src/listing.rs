//! The settings of a process as they may be shown: to whoever runs `print-config` or asks for `/configz`.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Every setting with its value and where it came from, sorted by key. Holds no secret: only whether one is set. Cheap to
/// clone.
///
/// As text one line each, `auth.listen = "127.0.0.1:50051" (from the default)`; as JSON a list of objects with `key`,
/// `value` (null if it is a secret or not set), `secret` and `source` (null if it is not set).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(Arc<[Listed]>);

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) value: Option<String>,
    pub(crate) secret: bool,
    pub(crate) source: Option<String>,
}

impl FromIterator<Listed> for Listing {
    fn from_iter<I: IntoIterator<Item = Listed>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl Serialize for Listing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Listed {
            key, value, source, ..
        } in self.0.iter()
        {
            match (value, source) {
                (_, None) => writeln!(f, "{key} is not set")?,
                (None, Some(source)) => writeln!(f, "{key} = [secret] (from {source})")?,
                (Some(value), Some(source)) => writeln!(f, "{key} = {value:?} (from {source})")?,
            }
        }
        Ok(())
    }
}
