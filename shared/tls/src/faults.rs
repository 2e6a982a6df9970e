//! What can be wrong with the files of TLS.

use std::{fmt, io, path::PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};

/// One of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The certificate that is shown, with those between it and its authority.
    Certificate,
    /// Its private key.
    Key,
    /// The authorities whose certificates are accepted from the other end.
    Authorities,
}

/// One thing that is wrong with one file. Never holds what stands in it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", path.display())]
pub struct Fault {
    /// Which file it is.
    pub part: Part,
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong.
    pub what: What,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum What {
    /// The system does not give it.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// It is not PEM (RFC 7468), or holds no certificate.
    #[error("holds no certificate in PEM")]
    NoCertificate,
    /// It is not PEM, or holds no key that is not encrypted.
    #[error("holds no private key in PEM (PKCS #8, SEC 1 or PKCS #1, not encrypted)")]
    NoKey,
    /// A certificate in it is none.
    #[error("holds a certificate that cannot be read")]
    Malformed,
    /// Its key is of a kind that cannot be used.
    #[error("holds a key that cannot be used")]
    Unusable,
    /// It belongs to another certificate.
    #[error("does not belong to the certificate")]
    Mismatch,
    /// A certificate that is not valid now would take the place of one that is.
    #[error("is not valid now but {0}, and the one in use is")]
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
