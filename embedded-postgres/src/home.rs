//! The directories of a private server.
//!
//! ```text
//! home/            the requested directory, or its replacement
//!   lock           locked while the owner lives, so that never two servers use the same data
//!   server.log     the messages of PostgreSQL
//!   cluster/       the data directory, mode 0700, owned by the account that PostgreSQL runs as
//!   socket/        the socket, mode 0700, unless the path is too long for a socket
//! ```

use std::{
    env, fs,
    fs::{DirBuilder, File, Permissions, TryLockError},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    os::unix::fs::{
        DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
    },
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Settings,
    account::ServerAccount,
    error::{Error, IoContext as _},
};

/// `sun_path` holds 104 bytes on macOS (108 on Linux) with its final zero, and `/.s.PGSQL.5432` takes 14.
const LONGEST_SOCKET_DIRECTORY: usize = 104 - 1 - 14;

/// A log with more bytes than this is renamed to `server.log.1`, and a new one begins.
const MAX_LOG_SIZE: u64 = 8 * 1024 * 1024;

/// How long the lock of an owner that was just killed is waited for.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often the lock is tried.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The directories of a server, locked for this process.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) path: PathBuf,
    pub(crate) account: ServerAccount,
    pub(crate) socket: PathBuf,
    /// What the supervisor removes after the server has ended.
    pub(crate) leftovers: Option<PathBuf>,
    /// Locked while this value lives. The kernel releases the lock however the process ends.
    _lock: File,
}

impl Home {
    /// Chooses, creates and locks the directories.
    pub(crate) fn open(settings: &Settings) -> Result<Self, Error> {
        let (path, account) = match &settings.directory {
            Some(wanted) => durable(wanted)?,
            None => throwaway()?,
        };
        let lock = lock(&path)?;
        let inside = path.join("socket");
        let plain = is_plain_and_short(&inside);
        let socket = if plain {
            make_private(inside, &account)?
        } else {
            fresh(Path::new("/tmp"), 0o700)?
        };
        account.take_ownership(&socket)?;
        if settings.directory.is_none() {
            // The supervisor runs as the account and removes the whole directory.
            account.take_ownership(&path)?;
        }
        let leftovers = match &settings.directory {
            None => Some(path.clone()),
            Some(_) => (!plain).then(|| socket.clone()),
        };
        Ok(Self {
            path,
            account,
            socket,
            leftovers,
            _lock: lock,
        })
    }

    /// The data directory of PostgreSQL.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.path.join("cluster")
    }

    /// The file of PostgreSQL's messages.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }

    /// Opens the log to append to.
    pub(crate) fn open_log(&self) -> Result<File, Error> {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > MAX_LOG_SIZE) {
            fs::rename(&path, self.path.join("server.log.1"))
                .context(|| format!("renaming {}", path.display()))?;
        }
        let mut options = File::options();
        options.create(true).append(true).mode(0o600);
        options
            .open(&path)
            .context(|| format!("opening {}", path.display()))
    }

    /// Removes the leftovers when no supervisor was started that would do it.
    pub(crate) fn discard_leftovers(&self) {
        if let Some(leftovers) = &self.leftovers {
            // The caller reports why the start failed, which matters more than files in a temporary directory.
            let _ = fs::remove_dir_all(leftovers);
        }
    }

    /// Creates a directory that only the account can open.
    pub(crate) fn create_private(&self, name: &str) -> Result<PathBuf, Error> {
        make_private(self.path.join(name), &self.account)
    }
}

/// The directory for durable data, and the account for it.
fn durable(wanted: &Path) -> Result<(PathBuf, ServerAccount), Error> {
    make(wanted, 0o711)?;
    let wanted = fs::canonicalize(wanted).context(|| format!("resolving {}", wanted.display()))?;
    let replacement = PathBuf::from(format!("/var/lib/tandem-{:016x}", fingerprint(&wanted)));
    // Existing data decides, so that a server never starts empty although there is data.
    let home = if owner(&wanted).is_none() && owner(&replacement).is_some() {
        &replacement
    } else {
        &wanted
    };
    let account = ServerAccount::choose(owner(home))?;
    if account.can_enter(home) {
        return Ok((home.clone(), account));
    }
    if owner(home).is_none() && make(&replacement, 0o711).is_ok() && account.can_enter(&replacement)
    {
        tracing::warn!(
            wanted = %wanted.display(), used = %replacement.display(), %account,
            "the account that PostgreSQL runs as cannot reach the data directory; another durable directory is used"
        );
        return Ok((replacement, account));
    }
    Err(Error::Unreachable {
        account: account.to_string(),
        wanted,
        replacement,
    })
}

/// A new directory in the first folder for temporary files that the account can reach.
fn throwaway() -> Result<(PathBuf, ServerAccount), Error> {
    let account = ServerAccount::choose(None)?;
    let places = [env::temp_dir(), "/tmp".into(), "/var/tmp".into()];
    let place = places
        .iter()
        .find(|place| account.can_enter(place))
        .ok_or_else(|| Error::Unreachable {
            account: account.to_string(),
            wanted: places[0].clone(),
            replacement: places[2].clone(),
        })?;
    Ok((fresh(place, 0o711)?, account))
}

/// The user id that owns the data in `home`, if there is any.
fn owner(home: &Path) -> Option<u32> {
    fs::metadata(home.join("cluster/PG_VERSION"))
        .ok()
        .map(|metadata| metadata.uid())
}

/// Locks the directory for this process. An owner that was just killed may hold the lock for a moment.
fn lock(home: &Path) -> Result<File, Error> {
    let path = home.join("lock");
    let doing = || format!("locking {}", path.display());
    let mut options = File::options();
    let file = options
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .context(doing)?;
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(POLL_INTERVAL);
            }
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(home.to_owned())),
            Err(TryLockError::Error(source)) => {
                return Err(Error::Io {
                    doing: doing(),
                    source,
                });
            }
        }
    }
}

/// Creates a directory and its parents. An existing one stays unchanged.
fn make(path: &Path, mode: u32) -> Result<(), Error> {
    let parents = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => fs::create_dir_all(parent),
        _ => Ok(()),
    };
    match parents.and_then(|()| create(path, mode)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.context(|| format!("creating {}", path.display())),
    }
}

/// Creates a directory that only the account can open.
fn make_private(path: PathBuf, account: &ServerAccount) -> Result<PathBuf, Error> {
    make(&path, 0o700)?;
    account.take_ownership(&path)?;
    Ok(path)
}

/// Creates a new directory under a random name that nobody can predict.
fn fresh(parent: &Path, mode: u32) -> Result<PathBuf, Error> {
    let random = RandomState::new().build_hasher().finish();
    let path = parent.join(format!("tandem-{random:016x}"));
    create(&path, mode).context(|| format!("creating {}", path.display()))?;
    Ok(path)
}

/// Creates one directory with exactly this mode, independent of the umask.
fn create(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Whether the path is short enough for a socket, and needs no quoting in a connection URL or in a PostgreSQL setting.
fn is_plain_and_short(directory: &Path) -> bool {
    let bytes = directory.as_os_str().as_encoded_bytes();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/._-".contains(b);
    bytes.len() <= LONGEST_SOCKET_DIRECTORY && bytes.iter().all(plain)
}

/// FNV-1a. It gives the same value on every machine and with every compiler, so that the directory is found again.
fn fingerprint(path: &Path) -> u64 {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_directory_must_be_short_and_plain() {
        assert!(is_plain_and_short(Path::new(
            "/srv/tandem/.tandem/postgres/socket"
        )));
        assert!(!is_plain_and_short(Path::new("/srv/my tandem/socket")));
        assert!(!is_plain_and_short(Path::new(&format!(
            "/{}",
            "x".repeat(LONGEST_SOCKET_DIRECTORY)
        ))));
    }

    #[test]
    fn the_name_of_a_replacement_directory_never_changes() {
        assert_eq!(fingerprint(Path::new("a")), 0xaf63_dc4c_8601_ec8c);
    }
}
