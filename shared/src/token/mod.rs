//! Access tokens: what they say ([`Claims`]), which keys sign them ([`KeySet`]) and how they are checked ([`Verifier`]).
//!
//! JWT profile of RFC 9068, signed with Ed25519 (RFC 8037). Only public keys come here, so whoever verifies cannot mint.

mod claims;
mod keys;
mod verifier;

pub use claims::{Claims, Scope, Scopes};
pub use keys::{KeySet, PublicKey, follow};
pub use verifier::{Trust, Verifier, key_id};

/// `typ` of the header (RFC 9068 section 2.1).
pub const TYPE: &str = "at+jwt";

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this issuer for this audience, or not signed by a known key.
    #[error("the token is not valid")]
    Invalid,
    /// It was one, but its time is over.
    #[error("the token has expired")]
    Expired,
    /// No key has been loaded, so nothing can be said about it.
    #[error("no verification keys are loaded")]
    KeysUnavailable,
}
