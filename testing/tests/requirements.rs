//! `docs/requirements.toml` names the tests that show each requirement. These tests check that it matches the code, and that
//! `docs/requirements.md` matches it.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use figment::{
    Figment,
    providers::{Format as _, Toml},
};
use serde::Deserialize;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[derive(Deserialize)]
struct Requirements {
    requirement: Vec<Requirement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    /// Its number in its source.
    id: String,
    /// What it requires, in our words.
    asks: String,
    /// Tests, as `file::test`.
    #[serde(default)]
    shown_by: Vec<String>,
    /// Why no test shows it yet.
    later: Option<String>,
}

fn requirements() -> Vec<Requirement> {
    let file = Path::new(ROOT).join("docs/requirements.toml");
    let read: Requirements = Figment::from(Toml::file_exact(file)).extract().unwrap();
    read.requirement
}

/// Whether the file has a test with this name.
fn is_a_test(file: &str, name: &str) -> bool {
    let text = fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let function = format!("fn {name}(");
    let found = lines.iter().position(|line| line.contains(&function));
    found.is_some_and(|at| {
        let before = &lines[at.saturating_sub(6)..at];
        before
            .iter()
            .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

#[test]
fn every_requirement_is_shown_by_a_test_that_exists_or_says_why_not() {
    let mut ids = BTreeSet::new();
    for Requirement {
        id,
        shown_by,
        later,
        ..
    } in requirements()
    {
        assert!(ids.insert(id.clone()), "{id} is listed twice");
        assert_eq!(
            shown_by.is_empty(),
            later.is_some(),
            "{id}: tests, or a reason why there is none"
        );
        for test in shown_by {
            let (file, name) = test.split_once("::").unwrap();
            assert!(is_a_test(file, name), "{id}: there is no test {test}");
        }
    }
}

#[test]
fn the_table_of_requirements_is_generated() {
    let mut page = String::from(
        "# Security requirements and the tests that show them\n\n\
         Generated from `requirements.toml`. ASVS is OWASP's Application Security Verification Standard 5.0.\n\n\
         | requirement | asks for | shown by |\n|---|---|---|\n",
    );
    for Requirement {
        id,
        asks,
        shown_by,
        later,
    } in requirements()
    {
        let tests = shown_by
            .iter()
            .map(|test| format!("`{}`", test.replace("::", "` `")));
        let shown = later.unwrap_or_else(|| tests.collect::<Vec<_>>().join("<br>"));
        writeln!(page, "| {id} | {asks} | {shown} |").unwrap();
    }
    let file = Path::new(ROOT).join("docs/requirements.md");
    if fs::read_to_string(&file).unwrap_or_default() != page {
        fs::write(&file, &page).unwrap();
        panic!("docs/requirements.md was out of date; it is regenerated now: review and commit it");
    }
}
