//! The settings of TLS. `section` is that of the binary: `auth`, `task`, `gateway`.

use std::{path::PathBuf, time::Duration};

use http::Uri;
use settings::{SecretError, Settings};

use super::{
    client::ClientTls,
    error::{FileError, FileRole},
    material::Files,
    protocols::Protocols,
    server::ServerTls,
};

/// What the settings of `<section>.tls` mean. Their defaults are those of each binary.
pub const DEFAULTS: &str = include_str!("default.toml");

const MIN_INTERVAL: Duration = Duration::from_millis(100);
const MAX_INTERVAL: Duration = Duration::from_hours(24);

/// The problem of a setting that contains PEM itself.
const NOT_A_PATH: &str = "must be the path of a file in PEM, not the contents of the file";

/// The problem has been noted.
struct Noted;

/// The keys of the settings with the paths of the files.
struct Keys {
    certificate: String,
    key: String,
    authorities: String,
}

impl Keys {
    fn for_role(&self, role: FileRole) -> &str {
        match role {
            FileRole::Certificate => &self.certificate,
            FileRole::Key => &self.key,
            FileRole::Authorities => &self.authorities,
        }
    }

    /// Reads the three paths. A certificate without its key, or a key without its certificate, is a problem.
    fn files(&self, settings: &mut Settings) -> Option<Files> {
        let certificate = path(settings, &self.certificate);
        let key = settings.optional_secret(&self.key, path_of_key);
        let authorities = path(settings, &self.authorities);
        let identity = match (certificate.ok()?, key?) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (Some(_), None) => {
                settings.refuse(&self.key, format!("is required by {}", self.certificate));
                return None;
            }
            (None, Some(_)) => {
                settings.refuse(&self.certificate, format!("is required by {}", self.key));
                return None;
            }
        };
        Some(Files {
            identity,
            authorities: authorities.ok()?,
        })
    }

    /// Notes the problems of the files, each under its setting.
    fn noted<T>(&self, settings: &mut Settings, loaded: Result<T, Vec<FileError>>) -> Option<T> {
        match loaded {
            Ok(loaded) => Some(loaded),
            Err(errors) => {
                for file_error in errors {
                    let key = self.for_role(file_error.role).to_owned();
                    settings.refuse(&key, file_error.to_string());
                }
                None
            }
        }
    }
}

/// A path that may be absent. It is checked first, so that no message quotes it if it is a key in PEM.
fn path(settings: &mut Settings, key: &str) -> Result<Option<PathBuf>, Noted> {
    let path: Option<PathBuf> = settings.optional(key).ok_or(Noted)?;
    if path
        .as_ref()
        .is_some_and(|path| is_pem(&path.to_string_lossy()))
    {
        settings.refuse(key, NOT_A_PATH);
        return Err(Noted);
    }
    Ok(path)
}

/// The path of a key is not secret, but a key that is set by mistake must not appear in a message or a listing.
fn path_of_key(text: &str) -> Result<PathBuf, SecretError> {
    if is_pem(text) {
        return Err(SecretError::Malformed(NOT_A_PATH));
    }
    Ok(PathBuf::from(text))
}

fn is_pem(text: &str) -> bool {
    text.contains("-----") || text.contains('\n')
}

/// Reads `<section>.tls.certificate`, `.key`, `.client_ca` and `.reload_every`: the TLS of the listener. Some(None): plaintext.
pub fn listener_tls(
    settings: &mut Settings,
    section: &str,
    protocols: Protocols,
) -> Option<Option<ServerTls>> {
    let key = |name: &str| format!("{section}.tls.{name}");
    let keys = Keys {
        certificate: key("certificate"),
        key: key("key"),
        authorities: key("client_ca"),
    };
    let every = every(settings, section);
    let files = keys.files(settings)?;
    if files.identity.is_none() {
        if files.authorities.is_some() {
            settings.refuse(
                &keys.certificate,
                format!("is required by {}", keys.authorities),
            );
            return None;
        }
        return every.map(|_| None);
    }
    // The files are read even if the interval is wrong, so that all problems are reported at once.
    let interval = every.unwrap_or(MAX_INTERVAL);
    let loaded = ServerTls::load(format!("{section}.tls"), files, protocols, interval);
    let loaded = keys.noted(settings, loaded)?;
    every.map(|_| Some(loaded))
}

/// Reads `<section>.tls.upstream_ca`, `.upstream_certificate` and `.upstream_key`: TLS towards other services. `upstreams` are the keys
/// and the values of the settings with their addresses. Some(None): none of them is `https`.
pub fn upstream_tls(
    settings: &mut Settings,
    section: &str,
    upstreams: &[(&str, Option<&[Uri]>)],
) -> Option<Option<ClientTls>> {
    let key = |name: &str| format!("{section}.tls.{name}");
    let keys = Keys {
        certificate: key("upstream_certificate"),
        key: key("upstream_key"),
        authorities: key("upstream_ca"),
    };
    let every = every(settings, section);
    let files = keys.files(settings)?;
    let is_https = |uri: &Uri| uri.scheme_str() == Some("https");
    let any_https = |uris: Option<&[Uri]>| uris.unwrap_or_default().iter().any(is_https);
    let https = upstreams.iter().find(|(_, uris)| any_https(*uris));
    if files.authorities.is_none() {
        let needed_by = match (https, files.identity.is_some()) {
            (Some((upstream, _)), _) => format!("{upstream}, which is https"),
            (None, true) => keys.certificate.clone(),
            (None, false) => return every.map(|_| None),
        };
        settings.refuse(&keys.authorities, format!("is required by {needed_by}"));
        return None;
    }
    let interval = every.unwrap_or(MAX_INTERVAL);
    let loaded = ClientTls::load(format!("{section}.tls.upstream"), files, interval);
    let loaded = keys.noted(settings, loaded)?;
    every.map(|_| Some(loaded))
}

fn every(settings: &mut Settings, section: &str) -> Option<Duration> {
    settings.get_within(
        &format!("{section}.tls.reload_every"),
        MIN_INTERVAL..=MAX_INTERVAL,
    )
}
