//! No circle of imports goes through two folders: a folder can be read, tested and moved by itself.

use std::{fs, path::PathBuf};

use architecture::{files::Files, root};

/// The source folders of every crate that is compiled into a program or is used by other people's services.
fn sources() -> Vec<PathBuf> {
    let shared = fs::read_dir(root().join("shared")).expect("shared/ can be read");
    let shared = shared.map(|entry| entry.expect("an entry can be read").path());
    let top = [
        "auth-service",
        "task-service",
        "gateway",
        "standalone",
        "embedded-postgres",
    ];
    let top = top.map(|name| root().join(name));
    let crates = shared.chain(top).map(|folder| folder.join("src"));
    crates.filter(|source| source.is_dir()).collect()
}

#[test]
fn no_circle_of_imports_goes_through_two_folders() {
    let sources = sources();
    assert!(sources.len() > 10, "{sources:?}");
    let circles: Vec<_> = sources
        .iter()
        .flat_map(|source| {
            let circles = Files::of(source).circles();
            circles
                .into_iter()
                .map(move |files| (source.clone(), files))
        })
        .collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_circle_through_two_folders_is_found_and_one_within_a_folder_is_not() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("circles");
    for (file, text) in [
        ("lib.rs", "mod one; mod two;"),
        (
            "one/mod.rs",
            "mod part; use self::part::Part; pub struct One;",
        ),
        ("one/part.rs", "use super::One; pub struct Part;"),
        ("two/mod.rs", "use crate::one::One; pub struct Two;"),
        ("two/row.rs", "pub(super) struct Row;"),
    ] {
        write(&folder.join(file), text);
    }
    assert_eq!(Files::of(&folder).circles(), Vec::<Vec<PathBuf>>::new());
    write(
        &folder.join("one/part.rs"),
        "fn part() -> crate::two::Two { crate::two::Two }",
    );
    let circles = Files::of(&folder).circles();
    assert_eq!(circles.len(), 1, "{circles:?}");
    assert_eq!(circles[0].len(), 3, "{circles:?}");
    write(
        &folder.join("one/part.rs"),
        "#[cfg(test)] mod tests { use crate::two::Two; }",
    );
    assert_eq!(Files::of(&folder).circles(), Vec::<Vec<PathBuf>>::new());
}

fn write(file: &std::path::Path, text: &str) {
    fs::create_dir_all(file.parent().expect("a file stands in a folder"))
        .expect("a folder can be made");
    fs::write(file, text).expect("a file can be written");
}

#[test]
fn every_path_that_the_page_names_exists() {
    let page =
        fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md can be read");
    let quoted = page.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = quoted
        .filter(|one| one.contains('/') && one.contains(".rs") && !one.contains(' '))
        .collect();
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        assert!(
            root().join(path).is_file(),
            "ARCHITECTURE.md names {path}, which is not there"
        );
    }
}
