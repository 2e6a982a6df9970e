//! Creates the data directory of a private server.

use std::{fs, io, path::Path, process::Output};

use crate::{
    Durability, SUPERUSER,
    binaries::Binaries,
    error::{Error, IoContext as _},
    home::Home,
};

/// `C.UTF-8` knows the letters of all alphabets. `C` is used where the system lacks it. Both sort by code point.
const LOCALES: [&str; 2] = ["C.UTF-8", "C"];

/// Creates the cluster unless there is one.
///
/// It is created under another name and renamed when complete, so a killed `initdb` leaves no incomplete cluster.
pub(crate) fn create_if_missing(
    home: &Home,
    binaries: &Binaries,
    durability: Durability,
) -> Result<(), Error> {
    if home.cluster().join("PG_VERSION").exists() {
        return Ok(());
    }
    let unfinished = home.path.join("cluster.new");
    let mut output_text = String::new();
    for locale in LOCALES {
        remove(&unfinished)?;
        home.create_private("cluster.new")?;
        let output = initdb(home, binaries, &unfinished, locale, durability)?;
        if output.status.success() {
            return publish(home, &unfinished);
        }
        output_text = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
    }
    Err(Error::Initdb(output_text.trim().to_owned()))
}

/// Runs `initdb`.
///
/// Everyone who can open the socket is trusted. Its directory has mode 0700, so only root and the account itself can, and both
/// can read the data files anyway. There is no TCP listener.
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
    command.output().context(|| "running initdb".to_owned())
}

/// Renames a complete cluster to its final name, and syncs the directory so that the name survives a power failure.
fn publish(home: &Home, unfinished: &Path) -> Result<(), Error> {
    let cluster = home.cluster();
    let moved =
        fs::rename(unfinished, &cluster).and_then(|()| fs::File::open(&home.path)?.sync_all());
    moved.context(|| format!("moving the new cluster to {}", cluster.display()))
}

/// Removes a directory, if it is there.
fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.context(|| format!("removing {}", path.display())),
    }
}
