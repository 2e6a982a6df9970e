//! Certificate authorities that tests trust, and the certificates they issue.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

pub use crate::folder::Folder;

/// A certificate authority of one test.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
    /// The certificate in DER, as the peer of a connection sees it.
    pub der: Vec<u8>,
}

impl Authority {
    /// A new authority with this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = params(&[]);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, key()).expect("the parameters are valid"))
    }

    /// Its own certificate, in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these host names and addresses. It is valid during every test.
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.sign(&params(names))
    }

    /// A certificate for this name that was valid in the year 2000.
    #[must_use]
    pub fn issue_expired(&self, name: &str) -> Issued {
        let mut params = params(&[name]);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2000, 12, 31);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Issued {
        let key = key();
        let certificate = params
            .signed_by(&key, &self.0)
            .expect("the parameters are valid");
        Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
        }
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("the operating system provides random bytes")
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).expect("the names are host names or addresses")
}

impl Folder {
    /// Writes `<name>.pem` and `<name>.key`, and returns both paths.
    #[expect(
        clippy::must_use_candidate,
        reason = "the caller often knows the paths"
    )]
    pub fn write_identity(&self, name: &str, issued: &Issued) -> (PathBuf, PathBuf) {
        // The certificate is written last: a process that reads in between sees a key that does not match the certificate.
        let key = self.write(&format!("{name}.key"), &issued.key);
        (self.write(&format!("{name}.pem"), &issued.certificate), key)
    }
}
