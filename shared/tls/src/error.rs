//! What can be wrong with the files of TLS, and when a certificate is valid.

use std::{fmt, io, path::PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};

/// What one of the files is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileRole {
    /// The certificate that is presented, with those between it and its authority.
    Certificate,
    /// Its private key.
    Key,
    /// The authorities whose certificates are accepted from the peer.
    Authorities,
}

/// One problem of one file. Never contains the contents of the file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", path.display())]
pub struct FileError {
    /// What the file is for.
    pub role: FileRole,
    /// The path of the file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: FileErrorKind,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileErrorKind {
    /// The system cannot read it.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// It is not PEM (RFC 7468), or contains no certificate.
    #[error("holds no certificate in PEM")]
    NoCertificate,
    /// It is not PEM, or contains no unencrypted key.
    #[error("holds no private key in PEM (PKCS #8, SEC 1 or PKCS #1, not encrypted)")]
    NoKey,
    /// A certificate in it cannot be parsed.
    #[error("holds a certificate that cannot be read")]
    Malformed,
    /// Its key is of an unsupported kind.
    #[error("holds a key that cannot be used")]
    Unusable,
    /// The key belongs to another certificate.
    #[error("does not belong to the certificate")]
    Mismatch,
    /// A certificate that is not valid now would replace one that is.
    #[error("is not valid now but {0}, while the one in use is valid")]
    NotValidNow(Validity),
}

/// When a certificate is valid, both ends included (RFC 5280, section 4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: DateTime<Utc>,
    /// The last moment.
    pub until: DateTime<Utc>,
}

impl Validity {
    /// Whether it is valid at this moment.
    #[must_use]
    pub fn contains(&self, now: DateTime<Utc>) -> bool {
        (self.from..=self.until).contains(&now)
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(
            f,
            "from {} until {}",
            seconds(self.from),
            seconds(self.until)
        )
    }
}

/// Several errors in one line.
pub(super) fn in_one_line(errors: &[FileError]) -> String {
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    errors.join("; ")
}
