//! Finds the statements in the sources of this crate.

use std::{fs, path::Path};

use crate::tasks::sql::{COLUMNS, LIVE, PURGED_AFTER, TARGET};

/// The macros that check a statement when the crate is compiled.
const CHECKED: [&str; 4] = ["query!(", "query_as!(", "query_scalar!(", "tasks!("];

/// A file of this crate, without its tests.
pub(super) struct SourceFile {
    /// Below `src`, such as `tasks/store.rs`.
    pub(super) path: String,
    pub(super) code: String,
}

/// Every file of this crate but this guard and files of tests.
pub(super) fn files() -> Vec<SourceFile> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut folders = vec![root.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if path.is_dir() {
                if name != "statement_guard" && !name.ends_with("/tests") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !name.ends_with("/tests.rs")
            {
                let source = fs::read_to_string(&path).unwrap();
                let code = source.split("#[cfg(test)]\nmod ").next().unwrap();
                files.push(SourceFile {
                    path: name,
                    code: code.to_owned(),
                });
            }
        }
    }
    files
}

impl SourceFile {
    /// The text of every statement that is checked when the crate is compiled, as PostgreSQL gets it.
    pub(super) fn statements(&self) -> Vec<String> {
        let mut found = Vec::new();
        for call in CHECKED {
            for (at, _) in self.code.match_indices(call) {
                let before = self.code[..at].chars().next_back();
                if before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                    // The end of a longer name.
                    continue;
                }
                let arguments = self.code[at + call.len()..].trim_start();
                // The macro `tasks!` itself: its calls are read where they are.
                if !arguments.starts_with(['@', '$']) && !arguments.starts_with("$crate") {
                    found.push(text(arguments));
                }
            }
        }
        found
    }
}

/// The text of a statement from the arguments of its macro: literals and names of fragments, up to the first comma. The row
/// type of a `query_as!` comes before it.
fn text(arguments: &str) -> String {
    let mut statement = String::new();
    let mut rest = arguments;
    loop {
        rest = rest.trim_start_matches([' ', '\n', '+']);
        if let Some(literal) = rest.strip_prefix("r#\"") {
            let (literal, behind) = literal.split_once("\"#").expect("the literal ends");
            statement.push_str(literal);
            rest = behind;
        } else if let Some(literal) = rest.strip_prefix('"') {
            let (literal, behind) = literal.split_once('"').expect("the literal ends");
            assert!(!literal.contains('\\'), "an escape is not read: {literal}");
            statement.push_str(literal);
            rest = behind;
        } else if rest.starts_with([',', ')']) && !statement.is_empty() {
            return statement;
        } else {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let (name, behind) = rest.split_at(length.unwrap_or_default());
            rest = match (fragment(name), behind.strip_prefix(',')) {
                (Some(fragment), _) => {
                    statement.push_str(fragment);
                    behind
                }
                // The row type.
                (None, Some(behind)) if statement.is_empty() && !name.is_empty() => behind,
                _ => panic!("this is no part of a statement: {rest:.80}"),
            };
        }
    }
}

fn fragment(name: &str) -> Option<&'static str> {
    match name {
        "COLUMNS" => Some(COLUMNS),
        "LIVE" => Some(LIVE),
        "PURGED_AFTER" => Some(PURGED_AFTER),
        "TARGET" => Some(TARGET),
        _ => None,
    }
}

#[test]
fn a_statement_is_read_from_any_file_and_in_every_form() {
    let file = SourceFile {
        path: "anywhere.rs".to_owned(),
        code: r##"
            sqlx::query!(r#"select "a""#, owner); query_scalar!("select 1");
            sqlx::query_as!(Row, "select " + r#"b"#);
            tasks!("select " COLUMNS " from x where " LIVE, id)
        "##
        .to_owned(),
    };
    let listed = format!("select {COLUMNS} from x where {LIVE}");
    let expected = ["select \"a\"", "select b", "select 1", &listed];
    assert_eq!(file.statements(), expected);
}
