//! No migration blocks the users of an existing table, or removes what the previous release needs, unless
//! `migrations/exceptions.txt` says why it may.

use std::{collections::BTreeSet, fs};

use super::catalog::files;
use crate::tools::workspace;

/// The statements of a file, without comments, in lower case, with single spaces. A quoted body is part of its statement.
fn statements(text: &str) -> Vec<String> {
    let without_comments = text
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default());
    let text = without_comments
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase();
    let mut found = vec![String::new()];
    for (at, part) in text.split("$$").enumerate() {
        // Every second part is inside dollar quotes.
        let mut pieces = if at % 2 == 1 {
            vec![part]
        } else {
            part.split(';').collect()
        }
        .into_iter();
        let first = pieces.next().unwrap_or_default();
        found
            .last_mut()
            .expect("the list begins with one")
            .push_str(first);
        found.extend(pieces.map(str::to_owned));
    }
    let joined = found
        .iter()
        .map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "));
    joined.filter(|one| !one.is_empty()).collect()
}

/// The word after `mark`.
fn after<'s>(statement: &'s str, mark: &str) -> Option<&'s str> {
    let (_, rest) = statement.split_once(mark)?;
    let rest = rest.trim_start_matches("if not exists ");
    rest.split([' ', '(']).next()
}

/// What is unsafe in an `alter table`: the words, and the name of the finding.
const ALTERATIONS: [(&str, &str); 9] = [
    (" drop column ", "drop"),
    (" drop constraint ", "drop constraint"),
    (" rename ", "rename"),
    (" set data type ", "retype"),
    (" type ", "retype"),
    (" set not null", "set not null"),
    (" drop not null", "drop not null"),
    (" drop default", "drop default"),
    (" owner to ", "owner"),
];

fn alteration(statement: &str) -> Vec<&'static str> {
    let mut found = BTreeSet::new();
    for (words, what) in ALTERATIONS {
        if statement.contains(words) {
            found.insert(what);
        }
    }
    for action in statement.split(',') {
        let adds = action.contains(" add column ");
        if adds && action.contains(" not null") && !action.contains(" default ") {
            found.insert("not null without default");
        }
        let rewriting = [
            "generated always as (",
            "random",
            "clock_timestamp",
            "nextval",
            "serial",
        ];
        if adds && rewriting.iter().any(|word| action.contains(word)) {
            found.insert("rewrite");
        }
    }
    let constrains = statement.contains(" add constraint ") || statement.contains(" add check ");
    if constrains && !statement.contains(" not valid") && !statement.contains(" using index ") {
        found.insert("constraint");
    }
    found.into_iter().collect()
}

/// What is unsafe in a migration. A table that the migration itself creates is not in use yet.
fn findings(text: &str) -> Vec<&'static str> {
    let statements = statements(text);
    let own: BTreeSet<&str> = statements
        .iter()
        .filter_map(|statement| after(statement, "create table "))
        .collect();
    let mut found = BTreeSet::new();
    for statement in &statements {
        let statement = statement.as_str();
        match statement.split(' ').next().unwrap_or_default() {
            "create" if statement.contains(" index ") => {
                let concurrently = statement.contains(" concurrently ");
                let new = after(statement, " on ").is_some_and(|table| own.contains(table));
                if !concurrently && !new {
                    found.insert("index");
                }
                if concurrently && !text.starts_with("-- no-transaction") {
                    found.insert("concurrently in a transaction");
                }
            }
            "alter" => {
                let table = after(statement, "alter table ");
                if table.is_none_or(|table| !own.contains(table)) {
                    found.extend(alteration(statement));
                }
            }
            "drop" => drop(found.insert("drop")),
            "truncate" | "delete" | "update" => drop(found.insert("rows")),
            "lock" => drop(found.insert("lock")),
            "do" | "call" => drop(found.insert("code")),
            "create" | "comment" | "insert" | "set" => {}
            _ => drop(found.insert("unknown")),
        }
    }
    found.into_iter().collect()
}

#[test]
fn no_migration_blocks_a_table_in_use_without_a_stated_reason() {
    let list = fs::read_to_string(workspace().join("migrations/exceptions.txt")).unwrap();
    let rules = list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let excepted: BTreeSet<(String, String)> = rules
        .map(|line| {
            let mut fields = line.splitn(3, ": ").map(str::to_owned);
            let (path, what) = (fields.next().unwrap(), fields.next().unwrap());
            assert!(
                fields.next().is_some_and(|why| why.len() > 10),
                "why? {line}"
            );
            (path, what)
        })
        .collect();
    let found: BTreeSet<(String, String)> = files()
        .iter()
        .flat_map(|(path, text)| {
            findings(text)
                .into_iter()
                .map(move |what| (path.clone(), what.to_owned()))
        })
        .collect();
    let unsafe_ones: Vec<_> = found.difference(&excepted).collect();
    assert!(
        unsafe_ones.is_empty(),
        "not in migrations/exceptions.txt: {unsafe_ones:#?}"
    );
    let needless: Vec<_> = excepted.difference(&found).collect();
    assert!(
        needless.is_empty(),
        "exceptions without a finding: {needless:#?}"
    );
}

/// Unsafe statements, and the finding for each.
const UNSAFE: [(&str, &str); 20] = [
    ("drop table a.b", "drop"),
    ("alter table a.b drop column c", "drop"),
    ("ALTER TABLE a.b\n  RENAME COLUMN c TO d", "rename"),
    ("alter table a.b alter column c type bigint", "retype"),
    ("alter table a.b alter c set data type bigint", "retype"),
    (
        "alter table a.b add column c int not null",
        "not null without default",
    ),
    (
        "alter table a.b add column c int default 1, add column d int not null",
        "not null without default",
    ),
    (
        "alter table a.b add column c uuid default gen_random_uuid()",
        "rewrite",
    ),
    (
        "alter table a.b add column c int generated always as (d + 1) stored",
        "rewrite",
    ),
    (
        "alter table a.b alter column c set not null",
        "set not null",
    ),
    (
        "alter table a.b alter column c drop not null",
        "drop not null",
    ),
    (
        "alter table a.b alter column c drop default",
        "drop default",
    ),
    (
        "alter table a.b add constraint c check (d > 0)",
        "constraint",
    ),
    ("create index c on a.b (d)", "index"),
    ("create unique index c on a.b (d)", "index"),
    (
        "create index concurrently c on a.b (d)",
        "concurrently in a transaction",
    ),
    ("update a.b set c = 1", "rows"),
    ("lock table a.b", "lock"),
    ("do $$ begin drop table a.b; end $$", "code"),
    ("vacuum a.b", "unknown"),
];

#[test]
fn an_unsafe_statement_on_a_table_in_use_is_found() {
    for (text, what) in UNSAFE {
        assert_eq!(findings(text), [what], "{text}");
    }
}

#[test]
fn a_safe_statement_is_not_reported() {
    for text in [
        "-- drop table a.b;\ncreate table a.b (c int not null); create index d on a.b (c); alter table a.b drop column c",
        "alter table a.b add column c int",
        "alter table a.b add column c int not null default 1",
        "alter table a.b add constraint c check (d > 0) not valid",
        "-- no-transaction\ncreate index concurrently c on a.b (d)",
        "insert into a.b values (1)",
    ] {
        assert_eq!(findings(text), [""; 0], "{text}");
    }
}
