//! The settings of a process as `print-config` and `/configz` show them.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Every setting with its value and where it came from, sorted by key. Of a secret it shows only whether it is set. Cheap to
/// clone.
///
/// As text it has one line for each setting, `auth.listen = "127.0.0.1:50051" (from the default)`; as JSON it is a list of objects
/// with `key`, `value` (null if it is a secret or not set), `secret` and `source` (null if it is not set).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing(Arc<[ListedSetting]>);

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ListedSetting {
    pub(crate) key: String,
    pub(crate) value: Option<String>,
    pub(crate) secret: bool,
    pub(crate) source: Option<String>,
}

impl FromIterator<ListedSetting> for Listing {
    fn from_iter<I: IntoIterator<Item = ListedSetting>>(entries: I) -> Self {
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
        for ListedSetting {
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
