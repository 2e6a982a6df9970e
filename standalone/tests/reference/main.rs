//! `.env.example` and `docs/configuration.md` must match the `default.toml` files and the code.

mod document;
mod example;
mod page;

use std::{fs, path::Path};

use settings::SettingFacts;
use standalone::{DEFAULTS, known_settings};

use crate::document::{Reference, Section};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The meanings of tables that several binaries have, from the crates that read them.
const MEANINGS: [&str; 4] = [
    database::settings::DEFAULTS,
    serving::settings::DEFAULTS,
    transport::settings::DEFAULTS,
    tls::settings::DEFAULTS,
];

/// The settings of one binary.
#[derive(Debug)]
struct Chapter {
    title: &'static str,
    sections: Vec<Section>,
}

/// Every setting, in the order of the files.
fn chapters(reference: &mut Reference) -> Vec<Chapter> {
    let [every, auth, task, gateway, standalone] = DEFAULTS;
    let files = [
        ("Every binary", None, every),
        ("Auth service", Some("auth"), auth),
        ("Task service", Some("task"), task),
        ("Gateway", Some("gateway"), gateway),
        ("Standalone (`make run`)", Some("standalone"), standalone),
    ];
    let chapter = |(title, top, text)| Chapter {
        title,
        sections: reference.sections(text, top),
    };
    files.into_iter().map(chapter).collect()
}

fn reference() -> Reference {
    Reference::new(known_settings(), &MEANINGS)
}

/// Asserts that a file of the repository has the expected content.
fn assert_generated(file: &str, expected: &str) {
    let path = Path::new(ROOT).join(file);
    if fs::read_to_string(&path).unwrap_or_default() != expected {
        fs::write(&path, expected).expect("the working copy can be written");
        panic!("{file} was out of date; it is regenerated now: review and commit it");
    }
}

#[test]
fn exactly_the_settings_that_are_read_are_documented() {
    let mut reference = reference();
    chapters(&mut reference);
    assert_eq!(reference.problems(), [""; 0]);
}

#[test]
fn the_configuration_page_is_generated_from_the_defaults_and_the_code() {
    let page = page::page(&chapters(&mut reference()));
    assert_generated("docs/configuration.md", &page);
}

#[test]
fn the_example_is_generated_from_the_defaults_and_the_code() {
    let example = example::example(&chapters(&mut reference()));
    assert_generated(".env.example", &example);
}

/// A setting for the test below.
fn setting(key: &str) -> SettingFacts {
    SettingFacts {
        key: key.to_owned(),
        form: "text".to_owned(),
        bounds: None,
        secret: false,
        required: true,
        default: None,
    }
}

#[test]
fn every_undocumented_uncommented_or_unread_setting_is_found() {
    let common = "#[*.pool]\n# Size.\n#size = \"\"\n# Colour.\n#colour = \"\"\n";
    let own = "# Head.\n\n[a]\n# First.\nfirst = 1\nsecond = 2\n\nbare = 3\n# Gone.\n#gone = \"\"\n# First again.\nfirst = 2\n\
               [a.pool]\nsize = 4\nwidth = 5\n";
    let keys = [
        "a.first",
        "a.second",
        "a.bare",
        "a.silent",
        "a.pool.size",
        "a.pool.width",
    ];
    let mut reference = Reference::new(keys.map(setting).to_vec(), &[common]);
    let sections = reference.sections(own, Some("a"));
    let names: Vec<_> = sections
        .iter()
        .map(|section| section.name.as_str())
        .collect();
    assert_eq!(names, ["a", "a.pool"]);
    assert_eq!(sections[0].rows[0].meaning, ["First."]);
    assert_eq!(sections[0].rows[0].settings.len(), 2);
    assert_eq!(sections[1].rows[0].meaning, ["Size."]);
    assert_eq!(
        reference.problems(),
        [
            "*.pool.colour is documented and never read",
            "a.bare has no comment",
            "a.bare is read and not documented",
            "a.first is documented twice",
            "a.gone is documented and never read",
            "a.pool.width has no comment",
            "a.pool.width is read and not documented",
            "a.silent is read and not documented",
        ]
    );
}
