//! Verification of access tokens: their claims ([`Claims`]), the check ([`Verifier`]), and the subscription to keys and
//! revocations ([`feed`]).
//!
//! JWT profile of RFC 9068, signed with Ed25519 (RFC 8037). A verifier holds only public keys, so it cannot issue tokens.
//!
//! # For a service that accepts these tokens
//!
//! A [`Verifier`] checks tokens in memory: no call waits for the auth service. A subscription that runs beside the server keeps
//! it current:
//!
//! ```no_run
//! use std::{sync::Arc, time::Duration};
//! use verifier::{Freshness, Purpose, Revocations, SystemClock, Trust, Verifier, feed};
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
//! The service's readiness should depend on `is_ready`. `examples/verifier.rs` is a complete service.
//!
//! [`revocation`], [`KeySet`], [`Verifier::set_keys`], [`Verifier::recognize`] and [`key_id`] are for the issuer.
//!
//! The feature `telemetry` (on by default) adds metrics and traces. Without it neither OpenTelemetry nor Prometheus is compiled.
//!
//! # What it promises
//!
//! A token is refused, in this order, when it is not one of the issuer's or not for this audience
//! ([`TokenError::Invalid`]), when it has expired ([`TokenError::Expired`]), when it was revoked
//! ([`TokenError::Revoked`]), and when the revocations held are too old ([`TokenError::Stale`]): at the
//! latest when the bound of [`Freshness`] has passed after the feed was cut, and from the start until a first snapshot.

mod cache;
mod claims;
pub mod feed;
mod freshness;
mod keys;
#[cfg(feature = "telemetry")]
pub mod metrics;
pub mod revocation;
mod state;
mod token_format;
mod verifier;

pub use clock::{Clock, SystemClock};
use contract::reason::Reason;

pub use self::{
    claims::{Claims, Scope, Scopes},
    freshness::{Freshness, Purpose},
    keys::{KeySet, PublicKey},
    token_format::key_id,
    verifier::{Revocations, Trust, Verifier},
};

/// `typ` of the header (RFC 9068 section 2.1).
pub const TYPE: &str = "at+jwt";

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this issuer for this audience, or not signed by a known key.
    #[error("the token is not valid")]
    Invalid,
    /// It was valid, and has expired.
    #[error("the token has expired")]
    Expired,
    /// Its session, its account's epoch or its key has been revoked.
    #[error("the token has been revoked")]
    Revoked,
    /// The revocations held are too old to say that it is not revoked.
    #[error("the revocation feed is stale")]
    Stale,
    /// The issuer has not loaded its own keys yet.
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
