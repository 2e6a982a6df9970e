//! Wrong configurations of every kind: never a panic, every mistake is told with its place and nothing else is, no secret ever.
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
use shared::config::{Asked, Listing, Problems, Source};
use standalone::known_settings;

use crate::mistake::{Mistake, Written, any_mistake};

/// Stands in every secret; must not be told.
const MARKER: &str = "hunter2hunter2";
/// Base64 of 32 bytes without a pattern.
const KEY: &str = "qm1yZ3lcQ0pXv8fT2bN4uHkR7wEoJdGsA9iLxVtY5z0=";

/// How often a property is tried.
fn cases() -> ProptestConfig {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests have no configuration but their environment"
    )]
    let wanted = std::env::var("TEST_CASES").ok();
    let cases = wanted.map_or(512, |text| text.parse().expect("TEST_CASES is a number"));
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

/// One binary's settings.
#[derive(Debug, Clone, Copy)]
enum Part {
    Auth,
    Task,
    Gateway,
}

impl Part {
    fn section(self) -> &'static str {
        match self {
            Self::Auth => auth_service::config::SECTION,
            Self::Task => task_service::config::SECTION,
            Self::Gateway => gateway::SECTION,
        }
    }

    /// What it reads.
    fn settings(self) -> Vec<Asked> {
        let section = self.section();
        let own = |asked: &Asked| {
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
                [shared::config::DEFAULTS, auth_service::config::DEFAULTS],
                [self.section()],
            ),
            Self::Task => (
                [shared::config::DEFAULTS, task_service::config::DEFAULTS],
                [self.section()],
            ),
            Self::Gateway => (
                [shared::config::DEFAULTS, gateway::DEFAULTS],
                [self.section()],
            ),
        };
        let source = Source {
            defaults: &defaults,
            sections: &sections,
            made: Vec::new(),
            directory: directory.to_owned(),
            environment,
        };
        match self {
            Self::Auth => auth_service::config::Config::load(source).map(|config| config.listing),
            Self::Task => task_service::config::Config::load(source).map(|config| config.listing),
            Self::Gateway => gateway::Config::load(source).map(|config| config.listing),
        }
    }
}

fn any_part() -> impl Strategy<Value = Part> {
    prop::sample::select(vec![Part::Auth, Part::Task, Part::Gateway])
}

/// A good value for each setting that is required and has no default.
fn required(settings: &[Asked]) -> BTreeMap<String, String> {
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

/// A folder of a test, made anew.
fn folder(name: &str) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("wrong-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes or removes a file.
fn put(file: &Path, content: &[u8]) {
    if content.is_empty() {
        let _ = fs::remove_file(file);
    } else {
        fs::write(file, content).unwrap();
    }
}

#[test]
fn every_mistake_is_told_with_its_place_and_nothing_else_is() {
    let folder = folder("mistakes");
    // One of the files of TLS set alone is a mistake of another; shared/tests/config/tls.rs has those.
    let judged_together =
        |asked: &Asked| asked.key.contains(".tls.") && !asked.key.ends_with(".reload_every");
    let parts = [Part::Auth, Part::Task, Part::Gateway].map(|part| {
        let mut settings = part.settings();
        settings.retain(|asked| !judged_together(asked));
        (part, settings)
    });
    let mistakes = vec(any_mistake(), 0..12);
    proptest!(cases(), |(which in 0..parts.len(), mistakes in mistakes)| {
        let (part, settings) = &parts[which];
        check(*part, settings, &mistakes, &folder)?;
    });
    fs::remove_dir_all(folder).unwrap();
}

fn check(
    part: Part,
    settings: &[Asked],
    mistakes: &[Mistake],
    folder: &Path,
) -> Result<(), TestCaseError> {
    let mut written = Written::new(folder, required(settings));
    for mistake in mistakes {
        written.make(mistake, settings);
    }
    let (environment, places) = written.finish();
    let told = match part.load(folder, environment) {
        Ok(listing) => {
            prop_assert!(places.is_empty(), "not told: {:?}", places);
            let shown = format!("{listing}{listing:?}");
            prop_assert!(!shown.contains(MARKER) && !shown.contains(KEY), "{}", shown);
            return Ok(());
        }
        Err(told) => told,
    };
    let lines: BTreeMap<&str, String> = told
        .iter()
        .map(|problem| (problem.key(), problem.to_string()))
        .collect();
    prop_assert!(
        lines.keys().copied().eq(places.keys().map(String::as_str)),
        "{:?}: {}",
        places,
        told
    );
    for (line, place) in lines.values().zip(places.values()) {
        prop_assert!(
            line.ends_with(&format!(" (from {place})")),
            "{}: {}",
            place,
            line
        );
    }
    let all = format!("{told}{told:?}");
    prop_assert!(!all.contains(MARKER) && !all.contains(KEY), "{}", all);
    Ok(())
}
