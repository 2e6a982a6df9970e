//! Finds the PostgreSQL that is installed on this machine.

use std::{
    cmp::Reverse,
    env, fs,
    path::{Path, PathBuf},
};

use crate::{account::ServerAccount, error::Error};

/// A folder with `initdb` and `postgres` of one version.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    folder: PathBuf,
    major: u32,
}

impl Binaries {
    /// Finds binaries that `account` can run. If `given` is set, only that folder is searched. Otherwise PATH is searched, then
    /// the usual install folders, newest first. Existing `data` needs the major version in its `PG_VERSION`.
    pub(crate) fn find(
        given: Option<&Path>,
        account: &ServerAccount,
        data: &Path,
    ) -> Result<Self, Error> {
        let folders = given.map_or_else(candidates, |folder| vec![folder.to_owned()]);
        let found: Vec<_> = folders
            .iter()
            .filter_map(|folder| Self::probe(folder, account))
            .collect();
        if found.is_empty() {
            let searched = folders
                .iter()
                .map(|folder| folder.display().to_string())
                .collect::<Vec<_>>()
                .join(", ");
            return Err(Error::NotInstalled { searched });
        }
        let Ok(wanted) = fs::read_to_string(data.join("PG_VERSION")) else {
            return Ok(found
                .into_iter()
                .next()
                .expect("an empty list is handled above"));
        };
        let wanted = wanted.trim();
        let majors = found
            .iter()
            .map(|binaries| binaries.major.to_string())
            .collect::<Vec<_>>()
            .join(", ");
        found
            .into_iter()
            .find(|binaries| binaries.major.to_string() == wanted)
            .ok_or_else(|| Error::OtherVersion {
                data: data.to_owned(),
                wanted: wanted.to_owned(),
                found: majors,
            })
    }

    /// The path of one of the programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs `initdb --version` as `account`, which also shows that the account can reach it.
    fn probe(folder: &Path, account: &ServerAccount) -> Option<Self> {
        // The other programs are in the folder that symbolic links point to.
        let initdb = fs::canonicalize(folder.join("initdb")).ok()?;
        let folder = initdb.parent()?.to_owned();
        if !folder.join("postgres").is_file() {
            return None;
        }
        let output = account.command(&initdb).arg("--version").output().ok()?;
        let major = major(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { folder, major })
    }
}

/// The major version in `initdb (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)`.
fn major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    number
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Every folder that may hold the binaries.
fn candidates() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect();
    folders.extend(numbered("/usr/lib/postgresql", "", "bin"));
    folders.extend(numbered("/usr", "pgsql-", "bin"));
    folders.extend(numbered("/opt/homebrew/opt", "postgresql", "bin"));
    folders.extend(numbered("/usr/local/opt", "postgresql", "bin"));
    folders.push("/usr/local/pgsql/bin".into());
    folders.retain(|folder| folder.join("initdb").is_file());
    folders.dedup();
    if folders.is_empty() {
        // Shown in the error message.
        return vec![
            "PATH".into(),
            "/usr/lib/postgresql/*/bin".into(),
            "/usr/pgsql-*/bin".into(),
        ];
    }
    folders
}

/// `parent/<prefix><version>/bin`, newest first.
fn numbered(parent: &str, prefix: &str, bin: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.trim_start_matches('@');
            Some((
                version.split('.').next()?.parse::<u32>().unwrap_or(0),
                entry.path().join(bin),
            ))
        })
        .collect();
    found.sort_by_key(|(version, _)| Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_the_output_of_initdb() {
        assert_eq!(
            major("initdb (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major("initdb (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major("initdb: command not found"), None);
    }
}
