//! The format of an access token, which is checked before its signature (RFC 8725, RFC 7519).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::TYPE;

/// The longest token that is read, in bytes: tokens of the auth service have about 600.
const MAX_LENGTH: usize = 4096;
/// The longest key id that is looked up, in bytes (RFC 8725 section 3.10).
const MAX_KID_LENGTH: usize = 64;

/// The header, with exactly these members: one that contains a key, names a key's address or has any other member is refused (RFC 8725
/// sections 3.1 and 3.10, ASVS 9.1.3).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// Whether the claims are UTF-8 (RFC 7519 section 7.2). The library does not check the bytes of unknown members.
pub(super) fn has_text_claims(token: &str) -> bool {
    let claims = token.split('.').nth(1).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
    !bytes.is_empty() && std::str::from_utf8(&bytes).is_ok()
}

/// The key id of a token whose format and header are acceptable. Nothing else of the token is checked.
#[must_use]
pub fn key_id(token: &str) -> Option<String> {
    let of_the_alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if token.len() > MAX_LENGTH || !token.bytes().all(of_the_alphabet) {
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
        && (1..=MAX_KID_LENGTH).contains(&header.kid.len());
    acceptable.then_some(header.kid)
}
