//! Access tokens: what they say ([`Claims`]), which keys sign them ([`KeySet`]), how they are checked ([`Verifier`]), and
//! how a service learns what has been revoked ([`feed`]).
//!
//! JWT profile of RFC 9068, signed with Ed25519 (RFC 8037). Only public keys come here, so whoever verifies cannot mint.
//!
//! # For a service that takes these tokens
//!
//! A [`Verifier`] answers from memory: no call waits for the auth service. It is given what it must know by a
//! subscription that runs beside the server:
//!
//! ```no_run
//! use std::{sync::Arc, time::Duration};
//! use clock::SystemClock;
//! use crate::{Freshness, Purpose, Revocations, Trust, Verifier, feed};
//! # async fn example(service_secret: secrecy::SecretString) -> Result<(), Box<dyn std::error::Error>> {
//! let trust = Trust {
//!     issuer: "tandem-auth".to_owned(),
//!     audience: "tandem".to_owned(),
//!     leeway: Duration::from_secs(5),
//! };
//! let bounds = Freshness { reads: Duration::from_secs(10), writes: Duration::from_secs(3) };
//! let verifier = Verifier::new(trust, Revocations::Followed(bounds), 10_000, Arc::new(SystemClock));
//!
//! let auth = tonic::transport::Endpoint::from_static("http://127.0.0.1:50051");
//! let (ready, is_ready) = tokio::sync::watch::channel(false);
//! let stop = tokio_util::sync::CancellationToken::new();
//! let verifier_id = "invoices-1".to_owned();
//! tokio::spawn(feed::subscribe(verifier.clone(), vec![auth], service_secret, verifier_id, ready, stop));
//!
//! // Then, for each call, without waiting:
//! let claims = verifier.verify("eyJ…", Purpose::Write)?;
//! println!("{} may {}", claims.sub, claims.scope);
//! # Ok(()) }
//! ```
//!
//! `is_ready` is what the service's readiness should depend on. `examples/verifier.rs` is a whole service.
//!
//! What it promises: a token is refused, in this order, when it is not one of the issuer's or not meant for this audience
//! ([`TokenError::Invalid`]), when its time is over ([`TokenError::Expired`]), when it was revoked
//! ([`TokenError::Revoked`]), and when what has been revoked is not known well enough ([`TokenError::Stale`]): no later
//! than [`Freshness`] says after the feed was cut, and from the start until it has brought a first snapshot.

mod cache;
mod claims;
pub mod feed;
mod form;
mod freshness;
mod keys;
mod knowledge;
pub mod metrics;
pub mod revocation;
mod verifier;

pub use claims::{Claims, Scope, Scopes};
pub use form::key_id;
pub use freshness::{Freshness, Purpose};
pub use keys::{KeySet, PublicKey};
pub use verifier::{Revocations, Trust, Verifier};

use contract::reason::Reason;

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
    /// Its session, its account's epoch or its key has been revoked.
    #[error("the token has been revoked")]
    Revoked,
    /// What has been revoked is not known well enough to say that it was not.
    #[error("the revocation feed is stale")]
    Stale,
    /// The issuer's own keys have not been loaded, so nothing can be said about it.
    #[error("no verification keys are loaded")]
    KeysUnavailable,
}

impl From<TokenError> for Reason {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid => Self::TokenInvalid,
            TokenError::Expired => Self::TokenExpired,
            TokenError::Revoked => Self::TokenRevoked,
            TokenError::Stale => Self::RevocationFeedStale,
            TokenError::KeysUnavailable => Self::VerificationKeysUnavailable,
        }
    }
}

/// The token of an `authorization` header (RFC 6750); the scheme's case does not matter (RFC 9110 section 11.1).
#[must_use]
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start_matches(' '))
}
