//! The account that PostgreSQL runs as.
//!
//! PostgreSQL refuses to run as root. When this process is root, PostgreSQL runs as the owner of its data, or else as
//! `postgres` or `nobody`, without supplementary groups. Otherwise it runs as the user of this process.

use std::{
    ffi::OsStr,
    fmt, fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::Path,
    process::{Command, Stdio},
};

use crate::error::{Error, IoContext as _};

/// In the order of preference. `_postgres` is the name on macOS.
const UNPRIVILEGED: [&str; 3] = ["postgres", "_postgres", "nobody"];

/// The account that PostgreSQL and its tools run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServerAccount {
    /// The user of this process, who is not root.
    CurrentUser,
    /// An unprivileged user. This process is root and drops to it.
    Unprivileged { name: String, uid: u32, gid: u32 },
}

impl ServerAccount {
    /// The account for data that the user id `owner` owns, or for new data.
    pub(crate) fn choose(owner: Option<u32>) -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::CurrentUser);
        }
        let passwd =
            fs::read_to_string("/etc/passwd").context(|| "reading /etc/passwd".to_owned())?;
        find(&passwd, owner.filter(|uid| *uid != 0)).ok_or(Error::NoAccount)
    }

    /// A command that runs as this account, in `/`, and inherits nothing of our environment.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        // PostgreSQL reads the current directory, which the account may not be able to enter.
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null());
        if let Self::Unprivileged { uid, gid, .. } = self {
            // The standard library drops the supplementary groups when root sets a uid.
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Makes this account the owner of a file or directory.
    pub(crate) fn take_ownership(&self, path: &Path) -> Result<(), Error> {
        let Self::Unprivileged { uid, gid, .. } = self else {
            return Ok(());
        };
        chown(path, Some(*uid), Some(*gid))
            .context(|| format!("changing the owner of {} to {self}", path.display()))
    }

    /// Whether this account can enter a directory. It is tried, since mode bits do not show access lists and mount options.
    pub(crate) fn can_enter(&self, directory: &Path) -> bool {
        if *self == Self::CurrentUser {
            return true;
        }
        let script = r#"cd -P -- "$1""#;
        let mut command = self.command("/bin/sh");
        command
            .args(["-c", script, "sh"])
            .arg(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

impl fmt::Display for ServerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CurrentUser => f.write_str("this user"),
            Self::Unprivileged { name, .. } => f.write_str(name),
        }
    }
}

/// The entry of `owner`, or else of the first of [`UNPRIVILEGED`]. `initdb` needs a name, so an id alone is not enough.
fn find(passwd: &str, owner: Option<u32>) -> Option<ServerAccount> {
    let accounts: Vec<_> = passwd.lines().filter_map(entry).collect();
    let named = |wanted: &str| accounts.iter().find(|(name, ..)| *name == wanted);
    let (name, uid, gid) = match owner {
        Some(owner) => accounts.iter().find(|(_, uid, _)| *uid == owner),
        None => UNPRIVILEGED.iter().find_map(|name| named(name)),
    }?;
    Some(ServerAccount::Unprivileged {
        name: (*name).to_owned(),
        uid: *uid,
        gid: *gid,
    })
}

/// Name, uid and gid of a line of passwd(5).
fn entry(line: &str) -> Option<(&str, u32, u32)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    let uid = fields.nth(1)?.parse().ok().filter(|uid| *uid != 0)?;
    Some((name, uid, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533:::\npostgres:x:101:104:,,,:/:/bin/sh\n\
                          alice:x:1000:1000::/home/alice:/bin/sh\n";

    fn account(name: &str, uid: u32, gid: u32) -> ServerAccount {
        let name = name.to_owned();
        ServerAccount::Unprivileged { name, uid, gid }
    }

    #[test]
    fn postgres_is_preferred_to_nobody() {
        assert_eq!(find(PASSWD, None), Some(account("postgres", 101, 104)));
        assert_eq!(
            find("nobody:x:65534:65533:::", None),
            Some(account("nobody", 65534, 65533))
        );
    }

    #[test]
    fn the_owner_of_existing_data_is_the_account() {
        assert_eq!(find(PASSWD, Some(1000)), Some(account("alice", 1000, 1000)));
        assert_eq!(find(PASSWD, Some(4242)), None);
    }

    #[test]
    fn root_under_another_name_is_not_an_unprivileged_account() {
        assert_eq!(find("postgres:x:0:0::/:/bin/sh", None), None);
    }
}
