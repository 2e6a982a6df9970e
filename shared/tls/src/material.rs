//! The contents of the files, read and parsed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::DateTime;
use rustls::{
    InconsistentKeys, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use x509_cert::{Certificate, der::Decode as _};
use zeroize::Zeroizing;

use super::{
    crypto::PROVIDER,
    error::{FileError, FileErrorKind, FileRole, Validity},
};

/// The paths of the files, all in PEM (RFC 7468).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate to present, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The authorities whose certificates are accepted.
    pub authorities: Option<PathBuf>,
}

/// The bytes of the files. No `Debug`: one is a key.
#[derive(PartialEq, Eq)]
pub(super) struct Contents {
    identity: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    authorities: Option<Vec<u8>>,
}

/// The parsed contents.
pub(super) struct Material {
    pub(super) identity: Option<Identity>,
    pub(super) authorities: Option<Arc<RootCertStore>>,
}

/// A certificate to present, with its key.
pub(super) struct Identity {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) validity: Validity,
}

impl Files {
    /// Reads all files. If one cannot be read, the problems of the others are reported too. Blocks.
    pub(super) fn read(&self) -> Result<Contents, Vec<FileError>> {
        let mut errors = Vec::new();
        let mut read = |role, path: &Path| match fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                errors.push(file_error(role, path, FileErrorKind::Unreadable(error)));
                None
            }
        };
        let identity = self.identity.as_ref().map(|(certificate, key)| {
            let certificate = read(FileRole::Certificate, certificate);
            certificate.zip(read(FileRole::Key, key).map(Zeroizing::new))
        });
        let authorities = self.authorities.as_ref();
        let authorities = authorities.map(|path| read(FileRole::Authorities, path));
        let contents = Contents {
            identity: identity.flatten(),
            authorities: authorities.flatten(),
        };
        if errors.is_empty() {
            return Ok(contents);
        }
        errors.extend(self.parse(&contents).err().into_iter().flatten());
        Err(errors)
    }

    /// Parses the contents of the files.
    pub(super) fn parse(&self, contents: &Contents) -> Result<Material, Vec<FileError>> {
        let identity = match (&self.identity, &contents.identity) {
            (Some(paths), Some((certificate, key))) => identity(paths, certificate, key).map(Some),
            _ => Ok(None),
        };
        let authorities = match (&self.authorities, &contents.authorities) {
            (Some(path), Some(pem)) => authorities(path, pem).map(|store| Some(Arc::new(store))),
            _ => Ok(None),
        };
        match (identity, authorities) {
            (Ok(identity), Ok(authorities)) => Ok(Material {
                identity,
                authorities,
            }),
            (Err(mut errors), authorities) => {
                errors.extend(authorities.err());
                Err(errors)
            }
            (Ok(_), Err(file_error)) => Err(vec![file_error]),
        }
    }
}

fn identity(
    (certificate, key): &(PathBuf, PathBuf),
    certificate_pem: &[u8],
    key_pem: &[u8],
) -> Result<Identity, Vec<FileError>> {
    let chain = chain(certificate_pem);
    let chain = chain.map_err(|kind| file_error(FileRole::Certificate, certificate, kind));
    let private = PrivateKeyDer::from_pem_slice(key_pem);
    let private = private.map_err(|_not_pem| file_error(FileRole::Key, key, FileErrorKind::NoKey));
    let ((chain, validity), private) = match (chain, private) {
        (Ok(chain), Ok(private)) => (chain, private),
        (chain, private) => return Err(chain.err().into_iter().chain(private.err()).collect()),
    };
    let certified = CertifiedKey::from_der(chain, private, &PROVIDER).map_err(|error| {
        let kind = match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                FileErrorKind::Mismatch
            }
            _ => FileErrorKind::Unusable,
        };
        vec![file_error(FileRole::Key, key, kind)]
    })?;
    Ok(Identity {
        certified: Arc::new(certified),
        validity,
    })
}

/// The certificate to present with those between it and its authority, and when the first is valid.
fn chain(pem: &[u8]) -> Result<(Vec<CertificateDer<'static>>, Validity), FileErrorKind> {
    let chain = certificates(pem)?;
    let first = chain.first().ok_or(FileErrorKind::NoCertificate)?;
    let first = Certificate::from_der(first).map_err(|_malformed| FileErrorKind::Malformed)?;
    let validity = first.tbs_certificate().validity();
    let moment = |time: x509_cert::time::Time| DateTime::from(time.to_system_time());
    let validity = Validity {
        from: moment(validity.not_before),
        until: moment(validity.not_after),
    };
    Ok((chain, validity))
}

fn authorities(path: &Path, pem: &[u8]) -> Result<RootCertStore, FileError> {
    let file_error = |kind| file_error(FileRole::Authorities, path, kind);
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem).map_err(file_error)? {
        store
            .add(certificate)
            .map_err(|_malformed| file_error(FileErrorKind::Malformed))?;
    }
    Ok(store)
}

/// The certificates in a PEM text, at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, FileErrorKind> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(FileErrorKind::NoCertificate),
    }
}

fn file_error(role: FileRole, path: &Path, kind: FileErrorKind) -> FileError {
    FileError {
        role,
        path: path.to_owned(),
        kind,
    }
}
