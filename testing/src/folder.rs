//! A temporary folder for one test.

use std::{
    fs::{self, DirBuilder, Permissions},
    hash::{BuildHasher as _, RandomState},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// How long the removal is retried. A PostgreSQL whose owner was killed writes into its folder until it has stopped.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait between two attempts.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A temporary folder that every account may pass through. It is removed with this value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Creates an empty folder under a random name.
    ///
    /// # Panics
    /// When it cannot be created.
    #[must_use]
    pub fn new() -> Self {
        let random = RandomState::new().hash_one(std::process::id());
        let temporary = std::env::temp_dir();
        let temporary = fs::canonicalize(&temporary).unwrap_or(temporary);
        let path = temporary.join(format!("tandem-test-{random:016x}"));
        // The mode is set afterwards as well, since the umask may have removed bits.
        let created = DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o711)));
        created.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(path)
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// The folder itself, as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.display().to_string()
    }

    /// The path of a file in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file and returns its path. An existing file is replaced in one step.
    ///
    /// # Panics
    /// When it cannot be written.
    #[expect(clippy::must_use_candidate, reason = "the caller often knows the path")]
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let (new, path) = (self.path(&format!("{name}.new")), self.path(name));
        let written = fs::write(&new, content).and_then(|()| fs::rename(&new, &path));
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let deadline = Instant::now() + REMOVAL_TIMEOUT;
        // What cannot be removed stays in the system's folder for temporary files.
        while fs::remove_dir_all(&self.0).is_err() && self.0.exists() && Instant::now() < deadline {
            thread::sleep(POLL_INTERVAL);
        }
    }
}
