//! The crates of the workspace and the edges between them, as cargo reads them.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde::Deserialize;

use crate::root;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev` or `build`; `None` is a normal dependency.
    kind: Option<String>,
    /// Set for crates of the workspace only.
    path: Option<String>,
}

/// Each crate of the workspace with the crates of the workspace that its library or binary uses. Dependencies of tests alone
/// are left out: a test may use what stands above the crate it tests.
///
/// # Panics
/// Cargo cannot be started, or its answer is not the one of `cargo metadata` format 1.
#[must_use]
pub fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let text = cargo(&[
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ]);
    let metadata: Metadata = serde_json::from_str(&text).expect("cargo metadata prints JSON");
    let used = |package: &Package| {
        let own = package.dependencies.iter();
        own.filter(|one| one.path.is_some() && one.kind.is_none())
            .map(|one| one.name.clone())
            .collect()
    };
    let packages = metadata.packages.iter();
    packages.map(|one| (one.name.clone(), used(one))).collect()
}

/// The names of all crates that are compiled for `package` by itself, from the workspace or not.
///
/// # Panics
/// Cargo cannot be started, or does not know the package.
#[must_use]
pub fn compiled_for(package: &str) -> BTreeSet<String> {
    let tree = cargo(&[
        "tree",
        "--offline",
        "--package",
        package,
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]);
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}
