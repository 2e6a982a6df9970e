//! The folder where a standalone process keeps what must outlive it: `.tandem` by default.
//!
//! ```text
//! .tandem/         mode 0711: PostgreSQL's unprivileged account passes through it
//!   lock           held by the process while it lives
//!   secrets.toml   mode 0600: the keys of tokens
//!   demo-password  mode 0600
//!   postgres/      the private PostgreSQL's own
//! ```

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::Error;

/// How long a process that was just killed may take to let go of the lock.
const DYING: Duration = Duration::from_secs(2);
/// How often to look whether it has.
const POLL: Duration = Duration::from_millis(20);

/// The folder, locked for this process.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The kernel lets go of it however the process ends.
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is missing, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        make(path).map_err(|source| failed(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock(path)?,
        })
    }

    /// The path of a file or folder in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The text of a file, if there is one.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>, Error> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed(&path, source)),
        }
    }

    /// Writes a file that only its owner can read. After a crash it is there as a whole or not at all.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.path(name);
        self.replace(&path, text)
            .map_err(|source| failed(&path, source))
    }

    fn replace(&self, path: &Path, text: &str) -> io::Result<()> {
        let unfinished = path.with_added_extension("unfinished");
        // One left by a crash may have another mode.
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

fn make(path: &Path) -> io::Result<()> {
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
    let deadline = Instant::now() + DYING;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(POLL),
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

    /// A folder of a test, removed with it.
    #[derive(Debug)]
    pub(crate) struct Fresh(pub(crate) PathBuf);

    impl Fresh {
        pub(crate) fn new() -> Self {
            let random = RandomState::new().build_hasher().finish();
            Self(std::env::temp_dir().join(format!("tandem-folder-{random:016x}")))
        }
    }

    impl Drop for Fresh {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn others_pass_through_the_folder_and_read_none_of_its_files() {
        let fresh = Fresh::new();
        let folder = Folder::open(&fresh.0).unwrap();
        folder.write("secret", "first").unwrap();
        fs::write(folder.path("secret.unfinished"), "left by a crash").unwrap();
        folder.write("secret", "second").unwrap();
        assert_eq!(mode(&fresh.0), 0o711);
        assert_eq!(mode(&folder.path("secret")), 0o600);
        assert_eq!(folder.read("secret").unwrap().as_deref(), Some("second"));
        assert_eq!(folder.read("other").unwrap(), None);
        assert!(!folder.path("secret.unfinished").exists());
    }

    #[test]
    fn two_owners_never_share_a_folder() {
        let fresh = Fresh::new();
        let first = Folder::open(&fresh.0).unwrap();
        assert!(matches!(Folder::open(&fresh.0), Err(Error::InUse(path)) if path == fresh.0));
        drop(first);
        assert!(Folder::open(&fresh.0).is_ok());
    }
}
