//! Puts the built console (`web/app/dist`) into the gateway: a table of its files, each with a tag of its contents and, if the build
//! of the console made one, its gzip form. Without a built console the table is empty, and `/app/` says how to build it.
//! `TANDEM_CONSOLE=required` makes that an error.

use std::{
    env,
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::{Path, PathBuf},
};

/// Its environment variable, and the value that requires a console.
const CONSOLE: (&str, &str) = ("TANDEM_CONSOLE", "required");

#[expect(
    clippy::disallowed_methods,
    reason = "a build script is configured by its environment"
)]
fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/app/dist");
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rerun-if-env-changed={}", CONSOLE.0);
    let files = built_files(&folder)?;
    let required = env::var(CONSOLE.0).is_ok_and(|value| value == CONSOLE.1);
    if required && !files.iter().any(|(name, _)| name == "index.html") {
        println!(
            "cargo::error={}={}, but {} has no console: run scripts/build-console",
            CONSOLE.0,
            CONSOLE.1,
            folder.display()
        );
    }
    let table = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("console_files.rs");
    fs::write(table, source(&files)?)
}

/// Every file with its name below `folder`, sorted. Hidden files belong to the repository, not to the console.
fn built_files(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        if !current.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&current)? {
            let path = entry?.path();
            let name = path.strip_prefix(folder).expect("it is in the folder");
            let name = name.to_string_lossy().replace('\\', "/");
            if path.is_dir() {
                folders.push(path);
            } else if !name.starts_with('.') {
                files.push((name, path));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The table as an expression of Rust.
fn source(files: &[(String, PathBuf)]) -> io::Result<String> {
    let mut source = String::from("&[\n");
    let is_packed = |path: &Path| path.extension().is_some_and(|it| it == "gz");
    for (name, path) in files.iter().filter(|(_, path)| !is_packed(path)) {
        let plain = path.to_string_lossy();
        let mut hasher = DefaultHasher::new();
        fs::read(path)?.hash(&mut hasher);
        let packed = files
            .iter()
            .find(|(other, _)| *other == format!("{name}.gz"));
        let packed = packed.map_or("None".to_owned(), |(_, path)| {
            format!("Some(include_bytes!({:?}))", path.to_string_lossy())
        });
        writeln!(
            source,
            "    ConsoleFile {{ name: {name:?}, tag: \"{:016x}\", plain: include_bytes!({plain:?}), gzip: {packed} }},",
            hasher.finish()
        )
        .expect("writing to a String does not fail");
    }
    source.push(']');
    Ok(source)
}
