//! docs/verify-elsewhere.md shows exactly the programs that these tests run.

use std::fs;

use crate::tools::workspace;

const PAGE: &str = "docs/verify-elsewhere.md";
/// A file with its language, shown in the block that follows `<!-- shows PATH -->`.
const PROGRAMS: [(&str, &str); 4] = [
    ("docs/verify-elsewhere/verify.py", "python"),
    ("docs/verify-elsewhere/verify.mjs", "js"),
    ("docs/verify-elsewhere/envoy.yaml", "yaml"),
    ("shared/verifier/examples/verify.rs", "rust"),
];

/// The page with the current text of a program in its block.
fn with_program(page: &str, path: &str, language: &str) -> String {
    let source = fs::read_to_string(workspace().join(path)).unwrap();
    let marker = format!("<!-- shows {path} -->\n");
    let (before, after) = page
        .split_once(&marker)
        .unwrap_or_else(|| panic!("no {marker}"));
    let (_old, rest) = after.split_once("\n```\n").unwrap();
    format!("{before}{marker}```{language}\n{source}```\n{rest}")
}

#[test]
fn the_page_shows_the_programs_that_are_tested() {
    let path = workspace().join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let current = PROGRAMS
        .iter()
        .fold(page.clone(), |page, (path, language)| {
            with_program(&page, path, language)
        });
    if page != current {
        fs::write(&path, current).unwrap();
        panic!("{PAGE} was out of date and is written again: review and commit it");
    }
}
