//! Reading settings one by one, and collecting the known keys and the problems.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::ops::RangeInclusive;

use super::facts::{Expected, SettingFacts};
use super::layers::{Found, Merged, Winners, merge};
use super::listing::{ListedSetting, Listing};
use super::lookup::{look_up, quoted, takes_database_url, without_userinfo};
use super::names::{flat, variable};
use super::problems::{Problems, SettingProblem};
use super::provenance::{Layer, Provenance};
use super::secrets::SecretError;
use super::source::Source;
use super::unknown::{is_of_other_binary, unknown};
use super::values::{Bounded, Setting};

/// The settings of one binary, read key by key. Every reading method returns None after noting the problem.
pub struct Settings {
    values: Winners,
    sections: Vec<String>,
    known: BTreeMap<String, Known>,
    problems: Vec<SettingProblem>,
    /// A file could not be read. Settings may be in it, so none is reported as missing.
    incomplete: bool,
    /// The keys that must have values, or sections with a dot at the end; None for all required settings.
    pub(crate) needed: Option<Vec<String>>,
}

/// A setting that was read.
struct Known {
    expected: Expected,
    found: Option<Found>,
}

impl Known {
    fn listed(&self, key: &str) -> ListedSetting {
        let secret = self.expected.secret;
        let shown = self.found.as_ref().filter(|_| !secret);
        ListedSetting {
            key: key.to_owned(),
            value: shown.map(|found| without_userinfo(&found.text).into_owned()),
            secret,
            source: self
                .found
                .as_ref()
                .map(|found| found.provenance.to_string()),
        }
    }

    fn asked(&self, key: &str) -> SettingFacts {
        let default = self.found.as_ref();
        let default = default.filter(|found| found.provenance.layer() == Layer::Default);
        let expected = self.expected.clone();
        SettingFacts {
            key: key.to_owned(),
            form: expected.form,
            bounds: expected.bounds,
            secret: expected.secret,
            required: expected.required,
            default: default.map(|found| found.text.clone()),
        }
    }
}

/// The problem has been noted.
struct Noted;

impl Settings {
    /// Reads and merges the layers. [`Settings::finish`] reports what cannot be read, with the other problems.
    #[must_use]
    pub fn load(source: Source<'_>) -> Self {
        let sections: Vec<String> = source
            .sections
            .iter()
            .map(|section| (*section).to_owned())
            .collect();
        let Merged {
            values,
            unreadable,
            mut doubles,
        } = merge(source);
        doubles.retain(|double| !is_of_other_binary(double.key(), &sections));
        let incomplete = !unreadable.is_empty();
        let problems = [unreadable, doubles].concat();
        Self {
            values,
            sections,
            known: BTreeMap::new(),
            problems,
            incomplete,
            needed: None,
        }
    }

    /// A required value.
    pub fn get<T: Setting>(&mut self, key: &str) -> Option<T> {
        let found = self.required(key, Expected::value::<T>())?;
        self.parsed(key, &found, T::parse)
    }

    /// A required value within bounds, both included.
    pub fn get_within<T: Bounded>(&mut self, key: &str, bounds: RangeInclusive<T>) -> Option<T> {
        let found = self.required(key, Expected::within(&bounds))?;
        self.parsed(key, &found, |text| {
            let value = T::parse(text)?;
            if bounds.contains(&value) {
                return Ok(value);
            }
            Err(format!(
                "is out of range: from {} to {}",
                bounds.start().shown(),
                bounds.end().shown()
            ))
        })
    }

    /// A value that may be absent or empty; then Some(None).
    pub fn optional<T: Setting>(&mut self, key: &str) -> Option<Option<T>> {
        match self.find(key, Expected::value::<T>().or_none()) {
            Ok(Some(found)) if !found.text.is_empty() => {
                self.parsed(key, &found, T::parse).map(Some)
            }
            Ok(_) => Some(None),
            Err(Noted) => None,
        }
    }

    /// A required secret. Its parser cannot put the text into the message. A default is refused.
    pub fn secret<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, SecretError>,
    ) -> Option<T> {
        let found = self.required(key, Expected::secret())?;
        self.parsed_secret(key, &found, parse)
    }

    /// A secret that may be absent or empty; then Some(None).
    pub fn optional_secret<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, SecretError>,
    ) -> Option<Option<T>> {
        match self.find(key, Expected::secret().or_none()) {
            Ok(Some(found)) if !found.text.is_empty() => {
                self.parsed_secret(key, &found, parse).map(Some)
            }
            Ok(_) => Some(None),
            Err(Noted) => None,
        }
    }

    /// Notes a problem of a value that depends on other values: `must not be longer than auth.session.absolute`.
    pub fn refuse(&mut self, key: &str, reason: impl Into<String>) {
        let found = self.known.get(key).and_then(|known| known.found.as_ref());
        let provenance = found.map(|found| found.provenance.clone());
        self.problems
            .push(SettingProblem::new(key, reason, provenance));
    }

    /// Every key read so far, sorted.
    pub fn known(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// The facts about every setting read so far, sorted by key.
    pub fn facts(&self) -> impl Iterator<Item = SettingFacts> {
        self.known.iter().map(|(key, known)| known.asked(key))
    }

    /// Every setting read so far with its value and where it came from, without secrets.
    #[must_use]
    pub fn listing(&self) -> Listing {
        self.known
            .iter()
            .map(|(key, known)| known.listed(key))
            .collect()
    }

    /// The part of [`Settings::listing`] that a binary with this section reads: its own section, and those that every binary has.
    #[must_use]
    pub fn listing_for(&self, section: &str) -> Listing {
        let sections = [section.to_owned()];
        self.known
            .iter()
            .filter(|(key, _)| !is_of_other_binary(key, &sections))
            .map(|(key, known)| known.listed(key))
            .collect()
    }

    /// Ends the reading: the result of `build`, or all problems including unknown keys.
    ///
    /// # Errors
    /// Anything missing, malformed, out of bounds, weak, unknown or unreadable. `build` must return Some otherwise.
    pub fn finish<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T, Problems> {
        let unknown = unknown(
            &self.values,
            &self.sections,
            &self.known.keys().map(String::as_str).collect(),
        );
        self.problems.extend(unknown);
        if !self.problems.is_empty() {
            return Err(Problems::new(self.problems));
        }
        Ok(build().expect("a reading method returns None only after noting a problem"))
    }

    fn required(&mut self, key: &str, expected: Expected) -> Option<Found> {
        let Ok(found) = self.find(key, expected) else {
            return None;
        };
        if found.is_none() && !self.incomplete && self.needs(key) {
            let mut message = format!("is required: set {}", variable(&flat(key)));
            if takes_database_url(key) {
                message.push_str(" or DATABASE_URL");
            }
            self.problems.push(SettingProblem::new(key, message, None));
        }
        found
    }

    fn find(&mut self, key: &str, expected: Expected) -> Result<Option<Found>, Noted> {
        let found = look_up(&self.values, key, expected.secret);
        let known = Known {
            expected,
            found: found.as_ref().ok().cloned().flatten(),
        };
        self.known.insert(key.to_owned(), known);
        found.map_err(|problem| {
            self.problems.push(problem);
            Noted
        })
    }

    fn parsed<T>(
        &mut self,
        key: &str,
        found: &Found,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let parsed = if found.text.contains('\n') {
            Err("has more than one line".to_owned())
        } else {
            parse(&found.text)
        };
        let quote = |reason: String| format!("{} {reason}", quoted(&found.text));
        self.noted(key, &found.provenance, parsed.map_err(quote))
    }

    fn parsed_secret<T>(
        &mut self,
        key: &str,
        found: &Found,
        parse: impl FnOnce(&str) -> Result<T, SecretError>,
    ) -> Option<T> {
        let parsed = match found.provenance.layer() {
            Layer::Default => Err(SecretError::Malformed(
                "is a secret and may not have a default",
            )),
            Layer::Generated | Layer::File | Layer::DotEnv | Layer::Environment => {
                parse(&found.text)
            }
        };
        self.noted(key, &found.provenance, parsed)
    }

    fn noted<T, E: Display>(
        &mut self,
        key: &str,
        provenance: &Provenance,
        parsed: Result<T, E>,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(reason) => {
                self.problems.push(SettingProblem::new(
                    key,
                    reason.to_string(),
                    Some(provenance.clone()),
                ));
                None
            }
        }
    }
}

/// Shows keys and no values, since values include secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("known", &self.known.keys())
            .finish_non_exhaustive()
    }
}
