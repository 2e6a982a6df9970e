//! A released migration is never changed or removed, and no migration is added before it, since databases in use hold its
//! checksum. `migrations/released.sha384` lists the checksums, so that the test needs no git history. `sha384sum --check` can
//! read the file too.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use aws_lc_rs::digest::{SHA384, digest};

use super::catalog::{files, writes};
use crate::tools::workspace;

/// The path and checksum of each released migration.
type Released = BTreeMap<String, String>;

fn checksum(text: &str) -> String {
    let digest = digest(&SHA384, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn parse(list: &str) -> Released {
    let line = |line: &str| {
        let (checksum, path) = line.split_once("  ").unwrap();
        (path.to_owned(), checksum.to_owned())
    };
    list.lines().map(line).collect()
}

fn format(files: &[(String, String)]) -> String {
    let line = |(path, text): &(String, String)| format!("{}  {path}\n", checksum(text));
    files.iter().map(line).collect()
}

/// The schema and number of a path such as `auth/0001_accounts.sql`. `None` if it is not the name of a migration.
fn number(path: &str) -> Option<(&str, i64)> {
    let (schema, name) = path.split_once('/')?;
    let (number, rest) = name.split_once('_')?;
    let right = number.len() == 4
        && rest
            .strip_suffix(".sql")
            .is_some_and(|rest| !rest.is_empty());
    Some((schema, number.parse().ok().filter(|_| right)?))
}

/// The rules that the files break.
fn violations(released: &Released, files: &[(String, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let present: BTreeMap<_, _> = files.iter().map(|(path, text)| (path, text)).collect();
    for (path, sum) in released {
        match present.get(path) {
            None => wrong.push(format!("{path} is released but missing")),
            Some(text) if checksum(text) != *sum => {
                wrong.push(format!("{path} is released but changed"));
            }
            Some(_) => {}
        }
    }
    let newest = |schema: &str| {
        let numbers = released.keys().filter_map(|path| number(path));
        let own = numbers.filter(|(other, _)| *other == schema);
        own.map(|(_, number)| number).max().unwrap_or(0)
    };
    let mut taken = BTreeMap::new();
    for (path, _) in files {
        let Some(version) = number(path) else {
            wrong.push(format!("{path} is not named NNNN_what_it_does.sql"));
            continue;
        };
        if let Some(other) = taken.insert(version, path) {
            wrong.push(format!("{path} has the number of {other}"));
        }
        if !released.contains_key(path) && version.1 <= newest(version.0) {
            wrong.push(format!("{path} comes before a released migration"));
        }
    }
    wrong
}

#[test]
fn a_released_migration_never_changes() {
    let list = workspace().join("migrations/released.sha384");
    let files = files();
    let released = parse(&fs::read_to_string(&list).unwrap_or_default());
    let wrong = violations(&released, &files);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(!released.is_empty() || writes(), "nothing is released");
    if writes() {
        fs::write(list, format(&files)).unwrap();
    }
}

fn file(path: &str, text: &str) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

#[test]
fn every_change_of_released_migrations_is_found() {
    let (one, two) = (file("auth/0001_a.sql", "a"), file("auth/0002_b.sql", "b"));
    let released = parse(&format(&[one.clone(), two.clone()]));
    let new = file("auth/0003_c.sql", "c");
    assert_eq!(
        violations(&released, &[one.clone(), two.clone(), new]),
        [""; 0]
    );
    let found = |files: &[(String, String)]| violations(&released, files).join(", ");
    assert_eq!(
        found(std::slice::from_ref(&one)),
        "auth/0002_b.sql is released but missing"
    );
    let changed = file("auth/0002_b.sql", "b ");
    assert_eq!(
        found(&[one.clone(), changed]),
        "auth/0002_b.sql is released but changed"
    );
    let moved = file("auth/0003_b.sql", "b");
    assert_eq!(
        found(&[one.clone(), moved]),
        "auth/0002_b.sql is released but missing"
    );
    let again = file("auth/0002_c.sql", "c");
    assert_eq!(
        found(&[one.clone(), two.clone(), again]),
        "auth/0002_c.sql has the number of auth/0002_b.sql, auth/0002_c.sql comes before a released migration"
    );
    let early = file("auth/0000_c.sql", "c");
    assert_eq!(
        found(&[early, one.clone(), two.clone()]),
        "auth/0000_c.sql comes before a released migration"
    );
    let unnamed = file("auth/3.sql", "c");
    assert_eq!(
        found(&[one, two, unnamed]),
        "auth/3.sql is not named NNNN_what_it_does.sql"
    );
}
