//! The settings of TLS. `section` is the binary's: `auth`, `task`, `gateway`.

use std::{path::PathBuf, time::Duration};

use http::Uri;

use super::{ClientTls, Fault, Files, Part, ServerTls};
use crate::Protocols;
use settings::{Settings, Weakness};

/// What the settings of `<section>.tls` mean. Their defaults are those of each binary.
pub const DEFAULTS: &str = include_str!("default.toml");

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_hours(24);

/// What a setting is told that holds PEM itself.
const NOT_A_PATH: &str = "is the path of a file in PEM, not what the file holds";

/// The problem is noted already.
struct Noted;

/// The settings that name the files.
struct Keys {
    certificate: String,
    key: String,
    authorities: String,
}

impl Keys {
    fn of(&self, part: Part) -> &str {
        match part {
            Part::Certificate => &self.certificate,
            Part::Key => &self.key,
            Part::Authorities => &self.authorities,
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

    /// Notes what is wrong with the files, each with its setting.
    fn noted<T>(&self, settings: &mut Settings, loaded: Result<T, Vec<Fault>>) -> Option<T> {
        match loaded {
            Ok(loaded) => Some(loaded),
            Err(faults) => {
                for fault in faults {
                    let key = self.of(fault.part).to_owned();
                    settings.refuse(&key, fault.to_string());
                }
                None
            }
        }
    }
}

/// A path that may be absent, or the problem is noted. No message quotes it before it is known not to be PEM.
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

/// The path of a key is no secret, but whoever puts the key itself there must not find it in a message or a listing.
fn path_of_key(text: &str) -> Result<PathBuf, Weakness> {
    if is_pem(text) {
        return Err(Weakness::Malformed(NOT_A_PATH));
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
    // The files are looked at whether or not that is a good interval: every problem is told at once.
    let often = every.unwrap_or(LONGEST);
    let loaded = ServerTls::load(format!("{section}.tls"), files, protocols, often);
    let loaded = keys.noted(settings, loaded)?;
    every.map(|_| Some(loaded))
}

/// Reads `<section>.tls.upstream_ca`, `.upstream_certificate` and `.upstream_key`: TLS towards other services, at the
/// addresses of replicas that `upstreams` names by their settings. Some(None): none of them is `https`.
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
    let encrypted = |uri: &Uri| uri.scheme_str() == Some("https");
    let one_is = |uris: Option<&[Uri]>| uris.unwrap_or_default().iter().any(encrypted);
    let https = upstreams.iter().find(|(_, uris)| one_is(*uris));
    if files.authorities.is_none() {
        let needed_by = match (https, files.identity.is_some()) {
            (Some((upstream, _)), _) => format!("{upstream}, which is https"),
            (None, true) => keys.certificate.clone(),
            (None, false) => return every.map(|_| None),
        };
        settings.refuse(&keys.authorities, format!("is required by {needed_by}"));
        return None;
    }
    let often = every.unwrap_or(LONGEST);
    let loaded = ClientTls::load(format!("{section}.tls.upstream"), files, often);
    let loaded = keys.noted(settings, loaded)?;
    every.map(|_| Some(loaded))
}

fn every(settings: &mut Settings, section: &str) -> Option<Duration> {
    settings.get_within(&format!("{section}.tls.reload_every"), SHORTEST..=LONGEST)
}
