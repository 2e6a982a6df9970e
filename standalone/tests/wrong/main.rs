//! Wrong configurations of every kind. There is never a panic, every mistake and nothing else is reported with its place, and no
//! secret is shown.
//!
//! `TEST_CASES=1000000` makes the runs longer.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod chaos;
mod mistake;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use proptest::{collection::vec, prelude::*};
use settings::{Listing, Problems, SettingFacts, Source};
use standalone::known_settings;

use crate::mistake::{Layers, Mistake, any_mistake};

/// A part of every secret. It must not be shown.
const MARKER: &str = "hunter2hunter2";
/// Base64 of 32 bytes without a pattern.
const KEY: &str = "qm1yZ3lcQ0pXv8fT2bN4uHkR7wEoJdGsA9iLxVtY5z0=";

/// How many cases each property is tested with.
fn cases() -> ProptestConfig {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are configured only by their environment"
    )]
    let wanted = std::env::var("TEST_CASES").ok();
    let cases = wanted.map_or(512, |text| text.parse().expect("TEST_CASES is a number"));
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

/// The binaries whose settings are tested.
#[derive(Debug, Clone, Copy)]
enum Binary {
    Auth,
    Task,
    Gateway,
}

impl Binary {
    fn section(self) -> &'static str {
        match self {
            Self::Auth => auth_service::config::SECTION,
            Self::Task => task_service::config::SECTION,
            Self::Gateway => gateway::SECTION,
        }
    }

    /// The settings that it reads.
    fn settings(self) -> Vec<SettingFacts> {
        let section = self.section();
        let own = |asked: &SettingFacts| {
            let top = asked.key.split('.').next();
            top == Some(section)
                || !["auth", "task", "gateway", "standalone"]
                    .map(Some)
                    .contains(&top)
        };
        known_settings().into_iter().filter(own).collect()
    }

    fn load(
        self,
        directory: &Path,
        environment: Vec<(String, String)>,
    ) -> Result<Listing, Problems> {
        let (defaults, sections) = match self {
            Self::Auth => (
                [
                    telemetry::settings::DEFAULTS,
                    auth_service::config::DEFAULTS,
                ],
                [self.section()],
            ),
            Self::Task => (
                [
                    telemetry::settings::DEFAULTS,
                    task_service::config::DEFAULTS,
                ],
                [self.section()],
            ),
            Self::Gateway => (
                [telemetry::settings::DEFAULTS, gateway::DEFAULTS],
                [self.section()],
            ),
        };
        let source = Source {
            defaults: &defaults,
            sections: &sections,
            generated: Vec::new(),
            directory: directory.to_owned(),
            environment,
        };
        match self {
            Self::Auth => {
                auth_service::config::Config::load(source).map(|config| config.process.listing)
            }
            Self::Task => {
                task_service::config::Config::load(source).map(|config| config.process.listing)
            }
            Self::Gateway => gateway::Config::load(source).map(|config| config.process.listing),
        }
    }
}

fn any_binary() -> impl Strategy<Value = Binary> {
    prop::sample::select(vec![Binary::Auth, Binary::Task, Binary::Gateway])
}

/// A valid value for each setting that is required and has no default.
fn required(settings: &[SettingFacts]) -> BTreeMap<String, String> {
    let value = |key: &str| match key {
        "auth.key_encryption_keys" | "auth.refresh_keys" => format!("1:{KEY}"),
        key if key.ends_with(".database.url") => format!("postgres://u:{MARKER}@localhost/d"),
        _ => KEY.to_owned(),
    };
    let missing = settings
        .iter()
        .filter(|asked| asked.required && asked.default.is_none());
    missing
        .map(|asked| (asked.variable(), value(&asked.key)))
        .collect()
}

/// A new folder for a test.
fn folder(name: &str) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("wrong-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes a file. Removes it if the content is empty.
fn put(file: &Path, content: &[u8]) {
    if content.is_empty() {
        let _ = fs::remove_file(file);
    } else {
        fs::write(file, content).unwrap();
    }
}

#[test]
fn every_mistake_and_nothing_else_is_reported_with_its_place() {
    let folder = folder("mistakes");
    // A TLS file without its counterpart is a mistake of the other setting. shared/tests/config/tls.rs tests those.
    let depends_on_another =
        |asked: &SettingFacts| asked.key.contains(".tls.") && !asked.key.ends_with(".reload_every");
    let binaries = [Binary::Auth, Binary::Task, Binary::Gateway].map(|binary| {
        let mut settings = binary.settings();
        settings.retain(|asked| !depends_on_another(asked));
        (binary, settings)
    });
    let mistakes = vec(any_mistake(), 0..12);
    proptest!(cases(), |(which in 0..binaries.len(), mistakes in mistakes)| {
        let (binary, settings) = &binaries[which];
        check(*binary, settings, &mistakes, &folder)?;
    });
    fs::remove_dir_all(folder).unwrap();
}

fn check(
    binary: Binary,
    settings: &[SettingFacts],
    mistakes: &[Mistake],
    folder: &Path,
) -> Result<(), TestCaseError> {
    let mut layers = Layers::new(folder, required(settings));
    for mistake in mistakes {
        layers.add(mistake, settings);
    }
    let (environment, places) = layers.finish();
    match binary.load(folder, environment) {
        Ok(listing) => {
            prop_assert!(places.is_empty(), "not reported: {:?}", places);
            assert_no_secret(&format!("{listing}{listing:?}"))
        }
        Err(problems) => {
            assert_places(&problems, &places)?;
            assert_no_secret(&format!("{problems}{problems:?}"))
        }
    }
}

/// Each key with a mistake is reported, with the place of the mistake, and no other key is.
fn assert_places(
    problems: &Problems,
    places: &BTreeMap<String, String>,
) -> Result<(), TestCaseError> {
    let lines: BTreeMap<&str, String> = problems
        .iter()
        .map(|problem| (problem.key(), problem.to_string()))
        .collect();
    prop_assert!(
        lines.keys().copied().eq(places.keys().map(String::as_str)),
        "{:?}: {}",
        places,
        problems
    );
    for (line, place) in lines.values().zip(places.values()) {
        let end = format!(" (from {place})");
        prop_assert!(line.ends_with(&end), "{}: {}", place, line);
    }
    Ok(())
}

fn assert_no_secret(shown: &str) -> Result<(), TestCaseError> {
    prop_assert!(!shown.contains(MARKER) && !shown.contains(KEY), "{}", shown);
    Ok(())
}
