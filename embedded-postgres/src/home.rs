//! Where a private server lives.
//!
//! ```text
//! home/            the directory asked for, or the one in its stead
//!   lock           held by the owner while it lives: never two servers on the same data
//!   server.log     what Postgres says
//!   cluster/       Postgres's data directory, mode 0700, of the account Postgres runs as
//!   socket/        its socket, mode 0700, unless the path is too long for one
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
    account::Account,
    error::{Doing as _, Error},
};

/// `sun_path` holds 104 bytes on macOS (108 on Linux) with its final zero, and `/.s.PGSQL.5432` takes 14.
const LONGEST_SOCKET_DIRECTORY: usize = 104 - 1 - 14;

/// A log longer than this many bytes starts anew, the old one kept beside it.
const LONGEST_LOG: u64 = 8 * 1024 * 1024;

/// How long a killed owner may take to let go of the lock.
const DYING: Duration = Duration::from_secs(2);
/// How often to look whether it has.
const POLL: Duration = Duration::from_millis(20);

/// The directories of a server, locked for this process.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) path: PathBuf,
    pub(crate) account: Account,
    pub(crate) socket: PathBuf,
    /// What the supervisor removes after the server has ended.
    pub(crate) leftovers: Option<PathBuf>,
    /// Held while this lives; the kernel lets go of it however the process ends.
    _lock: File,
}

impl Home {
    /// Chooses, makes and locks the directories.
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
        account.own(&socket)?;
        if settings.directory.is_none() {
            // The supervisor runs as the account and removes the whole.
            account.own(&path)?;
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

    /// Postgres's data directory.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.path.join("cluster")
    }

    /// The file that Postgres's messages go to.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }

    /// Opens the log to append to.
    pub(crate) fn open_log(&self) -> Result<File, Error> {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > LONGEST_LOG) {
            fs::rename(&path, self.path.join("server.log.1"))
                .doing(|| format!("renaming {}", path.display()))?;
        }
        let mut options = File::options();
        options.create(true).append(true).mode(0o600);
        options
            .open(&path)
            .doing(|| format!("opening {}", path.display()))
    }

    /// Removes what the supervisor would have, when none was started.
    pub(crate) fn discard_leftovers(&self) {
        if let Some(leftovers) = &self.leftovers {
            // Why the start failed matters more than what it leaves in a temporary directory.
            let _ = fs::remove_dir_all(leftovers);
        }
    }

    /// Makes a directory of the account's alone.
    pub(crate) fn private(&self, name: &str) -> Result<PathBuf, Error> {
        make_private(self.path.join(name), &self.account)
    }
}

/// The directory for data that stays, and the account for it.
fn durable(wanted: &Path) -> Result<(PathBuf, Account), Error> {
    make(wanted, 0o711)?;
    let wanted = fs::canonicalize(wanted).doing(|| format!("resolving {}", wanted.display()))?;
    let instead = PathBuf::from(format!("/var/lib/tandem-{:016x}", fingerprint(&wanted)));
    // Data that exists decides: a server must never start empty beside it.
    let home = if owner(&wanted).is_none() && owner(&instead).is_some() {
        &instead
    } else {
        &wanted
    };
    let account = Account::choose(owner(home))?;
    if account.can_enter(home) {
        return Ok((home.clone(), account));
    }
    if owner(home).is_none() && make(&instead, 0o711).is_ok() && account.can_enter(&instead) {
        tracing::warn!(
            wanted = %wanted.display(), used = %instead.display(), %account,
            "the account PostgreSQL runs as cannot reach the data directory; using another that stays"
        );
        return Ok((instead, account));
    }
    Err(Error::Unreachable {
        account: account.to_string(),
        wanted,
        instead,
    })
}

/// A fresh directory in the first temporary place that the account can reach.
fn throwaway() -> Result<(PathBuf, Account), Error> {
    let account = Account::choose(None)?;
    let places = [env::temp_dir(), "/tmp".into(), "/var/tmp".into()];
    let place = places
        .iter()
        .find(|place| account.can_enter(place))
        .ok_or_else(|| Error::Unreachable {
            account: account.to_string(),
            wanted: places[0].clone(),
            instead: places[2].clone(),
        })?;
    Ok((fresh(place, 0o711)?, account))
}

/// The user that owns the data in `home`, if there are any.
fn owner(home: &Path) -> Option<u32> {
    fs::metadata(home.join("cluster/PG_VERSION"))
        .ok()
        .map(|metadata| metadata.uid())
}

/// Locks the directory for this process, after the moment that the kernel takes to end an owner just killed.
fn lock(home: &Path) -> Result<File, Error> {
    let path = home.join("lock");
    let doing = || format!("locking {}", path.display());
    let mut options = File::options();
    let file = options
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .doing(doing)?;
    let deadline = Instant::now() + DYING;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(POLL),
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

/// Makes a directory and its parents; one that exists stays as it is.
fn make(path: &Path, mode: u32) -> Result<(), Error> {
    let parents = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => fs::create_dir_all(parent),
        _ => Ok(()),
    };
    match parents.and_then(|()| create(path, mode)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.doing(|| format!("making {}", path.display())),
    }
}

/// Makes a directory of the account's alone.
fn make_private(path: PathBuf, account: &Account) -> Result<PathBuf, Error> {
    make(&path, 0o700)?;
    account.own(&path)?;
    Ok(path)
}

/// Makes a directory that did not exist, under a name nobody can foresee.
fn fresh(parent: &Path, mode: u32) -> Result<PathBuf, Error> {
    let random = RandomState::new().build_hasher().finish();
    let path = parent.join(format!("tandem-{random:016x}"));
    create(&path, mode).doing(|| format!("making {}", path.display()))?;
    Ok(path)
}

/// Makes one directory with exactly this mode, whatever the umask.
fn create(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Whether a socket fits there, and its path needs no quoting in a connection URL or in Postgres's list of directories.
fn is_plain_and_short(directory: &Path) -> bool {
    let bytes = directory.as_os_str().as_encoded_bytes();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/._-".contains(b);
    bytes.len() <= LONGEST_SOCKET_DIRECTORY && bytes.iter().all(plain)
}

/// FNV-1a: the same on every machine and with every compiler, since a directory is found again by it.
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
    fn the_directory_in_the_stead_of_another_never_changes() {
        assert_eq!(fingerprint(Path::new("a")), 0xaf63_dc4c_8601_ec8c);
    }
}
