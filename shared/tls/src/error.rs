//! What can be wrong with the files of TLS, and when a certificate is valid.

use std::{fmt, io, path::PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};

/// One of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The certificate that is presented, with those between it and its authority.
    Certificate,
    /// Its private key.
    Key,
    /// The authorities whose certificates are accepted from the peer.
    Authorities,
}

/// One problem of one file. Never contains the contents of the file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", path.display())]
pub struct Fault {
    /// Which of the files.
    pub part: Part,
    /// The path of the file.
    pub path: PathBuf,
    /// What is wrong.
    pub what: What,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum What {
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

/// Several faults in one line.
pub(super) fn in_one_line(faults: &[Fault]) -> String {
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    faults.join("; ")
}
