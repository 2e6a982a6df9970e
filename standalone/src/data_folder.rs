//! The folder where a standalone process keeps its data, `.tandem` by default.
//!
//! ```text
//! .tandem/         mode 0711: PostgreSQL's unprivileged account passes through it
//!   lock           locked while the process runs
//!   secrets.toml   mode 0600: the keys of tokens
//!   demo-password  mode 0600
//!   postgres/      the data of the private PostgreSQL
//! ```

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::error::Error;

/// The longest a process that was just killed may take to release the lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// The delay between two attempts to take the lock.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The folder, locked for this process.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// The kernel releases it when the process ends, even if it is killed.
    _lock: File,
}

impl DataFolder {
    /// Creates the folder if it is missing, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        create(path).map_err(|source| failed(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock(path)?,
        })
    }

    /// The path of a file or folder in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The text of a file; `None` if it does not exist.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>, Error> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed(&path, source)),
        }
    }

    /// Writes a file that only its owner can read. After a crash the file is either complete or as it was before.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.path(name);
        self.replace(&path, text)
            .map_err(|source| failed(&path, source))
    }

    fn replace(&self, path: &Path, text: &str) -> io::Result<()> {
        let unfinished = path.with_added_extension("unfinished");
        // A file that a crash has left may have another mode.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        File::open(&self.path)?.sync_all()
    }
}

fn create(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o711)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let mut options = File::options();
    let file = options
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(|source| failed(&path, source))?;
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(LOCK_POLL_INTERVAL);
            }
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(&path, source)),
        }
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};

    use super::*;

    /// The path of a new folder for a test. The folder is removed after the test.
    #[derive(Debug)]
    pub(crate) struct TestFolder(pub(crate) PathBuf);

    impl TestFolder {
        pub(crate) fn new() -> Self {
            let random = RandomState::new().build_hasher().finish();
            Self(std::env::temp_dir().join(format!("tandem-folder-{random:016x}")))
        }
    }

    impl Drop for TestFolder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn other_users_can_traverse_the_folder_but_read_no_file_in_it() {
        let temporary = TestFolder::new();
        let folder = DataFolder::open(&temporary.0).unwrap();
        folder.write("secret", "first").unwrap();
        fs::write(folder.path("secret.unfinished"), "left by a crash").unwrap();
        folder.write("secret", "second").unwrap();
        assert_eq!(mode(&temporary.0), 0o711);
        assert_eq!(mode(&folder.path("secret")), 0o600);
        assert_eq!(folder.read("secret").unwrap().as_deref(), Some("second"));
        assert_eq!(folder.read("other").unwrap(), None);
        assert!(!folder.path("secret.unfinished").exists());
    }

    #[test]
    fn two_processes_cannot_use_the_same_folder() {
        let temporary = TestFolder::new();
        let first = DataFolder::open(&temporary.0).unwrap();
        assert!(
            matches!(DataFolder::open(&temporary.0), Err(Error::InUse(path)) if path == temporary.0)
        );
        drop(first);
        assert!(DataFolder::open(&temporary.0).is_ok());
    }
}
