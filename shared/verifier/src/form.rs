//! The form of an access token: what must hold before its signature is looked at (RFC 8725, RFC 7519).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::TYPE;

/// Longest token looked at, in bytes: ours have about 600.
const LONGEST: usize = 4096;
/// Longest key id looked up, in bytes (RFC 8725 section 3.10).
const LONGEST_KID: usize = 64;

/// The header, exactly as ours is: one that brings or names a key, or asks for anything else, is refused (RFC 8725
/// sections 3.1 and 3.10, ASVS 9.1.3).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// Whether the claims are UTF-8 (RFC 7519 section 7.2); of members that it does not know, the library looks at no bytes.
pub(super) fn is_text(token: &str) -> bool {
    let claims = token.split('.').nth(1).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
    !bytes.is_empty() && std::str::from_utf8(&bytes).is_ok()
}

/// The key id of a token whose form and header are acceptable; nothing else of it has been checked.
#[must_use]
pub fn key_id(token: &str) -> Option<String> {
    let of_the_alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if token.len() > LONGEST || !token.bytes().all(of_the_alphabet) {
        return None;
    }
    let mut parts = token.split('.');
    let (Some(header), Some(_claims), Some(_signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    let acceptable = header.alg == "EdDSA"
        && header.typ == TYPE
        && (1..=LONGEST_KID).contains(&header.kid.len());
    acceptable.then_some(header.kid)
}
