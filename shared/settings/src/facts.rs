//! The facts about a setting that the code knows: what the reference page shows beside the prose.

use std::ops::RangeInclusive;

use super::names::{flat, variable};
use super::values::{Bounded, Setting};

/// The facts about a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFacts {
    /// Its dotted key, such as `auth.access_ttl`.
    pub key: String,
    /// The form of its value, in a few words: `duration`, `whole number`.
    pub form: String,
    /// The smallest and the largest value, both included, as written in a setting.
    pub bounds: Option<(String, String)>,
    /// Whether its value is never shown.
    pub secret: bool,
    /// Whether it must have a value; the default is one.
    pub required: bool,
    /// Its default value.
    pub default: Option<String>,
}

impl SettingFacts {
    /// The variable that sets it: `TANDEM_AUTH__ACCESS_TTL`.
    #[must_use]
    pub fn variable(&self) -> String {
        variable(&flat(&self.key))
    }
}

/// What the code that reads a setting expects.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) form: String,
    pub(crate) bounds: Option<(String, String)>,
    pub(crate) secret: bool,
    pub(crate) required: bool,
}

impl Expected {
    pub(crate) fn value<T: Setting>() -> Self {
        Self {
            form: T::form(),
            bounds: None,
            secret: false,
            required: true,
        }
    }

    pub(crate) fn within<T: Bounded>(bounds: &RangeInclusive<T>) -> Self {
        Self {
            bounds: Some((bounds.start().shown(), bounds.end().shown())),
            ..Self::value::<T>()
        }
    }

    pub(crate) fn secret() -> Self {
        Self {
            form: "secret".to_owned(),
            bounds: None,
            secret: true,
            required: true,
        }
    }

    pub(crate) fn or_none(self) -> Self {
        Self {
            required: false,
            ..self
        }
    }
}
