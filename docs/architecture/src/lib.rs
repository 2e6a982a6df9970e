//! The structure of the workspace as it is: which crates use which, and which files import which.
//!
//! The tests beside this compare it with the layers that ARCHITECTURE.md describes.

pub mod crates;
pub mod files;

use std::path::PathBuf;

/// The folder of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
