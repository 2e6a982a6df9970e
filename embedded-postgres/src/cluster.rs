//! Makes the data directory of a private server.

use std::{fs, io, path::Path, process::Output};

use crate::{
    Durability, SUPERUSER,
    binaries::Binaries,
    error::{Doing as _, Error},
    home::Home,
};

/// `C.UTF-8` knows the letters of all alphabets; where the system lacks it, `C` does. Both sort by code point.
const LOCALES: [&str; 2] = ["C.UTF-8", "C"];

/// Makes the cluster unless there is one.
///
/// It is made beside its place and moved there when whole, so an `initdb` that was killed leaves nothing half-made.
pub(crate) fn make_if_missing(
    home: &Home,
    binaries: &Binaries,
    durability: Durability,
) -> Result<(), Error> {
    if home.cluster().join("PG_VERSION").exists() {
        return Ok(());
    }
    let unfinished = home.path.join("cluster.new");
    let mut said = String::new();
    for locale in LOCALES {
        remove(&unfinished)?;
        home.private("cluster.new")?;
        let output = initdb(home, binaries, &unfinished, locale, durability)?;
        if output.status.success() {
            return publish(home, &unfinished);
        }
        said = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
    }
    Err(Error::Initdb(said.trim().to_owned()))
}

/// Runs `initdb`.
///
/// Whoever may open the socket is trusted: its directory has mode 0700, so these are the account itself, which could read
/// the data files as well, and root. There is no TCP listener.
fn initdb(
    home: &Home,
    binaries: &Binaries,
    data: &Path,
    locale: &str,
    durability: Durability,
) -> Result<Output, Error> {
    let mut command = home.account.command(binaries.program("initdb"));
    command.arg("-D").arg(data).args([
        "--username",
        SUPERUSER,
        "--encoding=UTF8",
        "--auth-local=trust",
    ]);
    command.args([
        "--auth-host=reject",
        "--data-checksums",
        &format!("--locale={locale}"),
    ]);
    if durability == Durability::Off {
        command.arg("--no-sync");
    }
    command.output().doing(|| "running initdb".to_owned())
}

/// Moves a finished cluster to its place, so that it is there after a power cut as well.
fn publish(home: &Home, unfinished: &Path) -> Result<(), Error> {
    let cluster = home.cluster();
    let moved =
        fs::rename(unfinished, &cluster).and_then(|()| fs::File::open(&home.path)?.sync_all());
    moved.doing(|| format!("moving the new cluster to {}", cluster.display()))
}

/// Removes a directory, if it is there.
fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.doing(|| format!("removing {}", path.display())),
    }
}
