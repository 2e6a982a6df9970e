//! The check of an access token (RFC 8725, RFC 9068 section 4).

mod recording;

use std::{sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};
use clock::Clock;
use jsonwebtoken::{Algorithm, Validation, decode};
use tokio::{sync::watch, time::Instant};

use self::recording::VerifiedCounts;
use crate::{
    Claims, Freshness, KeySet, Purpose, TokenError,
    cache::VerifiedToken,
    freshness::SILENCE_TIMEOUT,
    state::{CurrentKeys, FeedState, VerifierState},
    token_format::{has_text_claims, key_id},
};

/// Whose tokens are accepted.
#[derive(Debug, Clone)]
pub struct Trust {
    /// `iss`, compared exactly.
    pub issuer: String,
    /// `aud`, compared exactly.
    pub audience: String,
    /// The tolerated difference between clocks; at most 5 s.
    pub leeway: Duration,
}

/// Whether a verifier knows which tokens are revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocations {
    /// It holds what the feed publishes, and refuses tokens when that is older than these bounds. Until [`crate::feed`] has
    /// received a snapshot, it refuses every token.
    Followed(Freshness),
    /// It does not: a revoked token is accepted until it expires. For the issuer, whose RPCs check the database, and for tests.
    NotConsulted,
}

/// Checks access tokens in memory, without any I/O. Cheap to clone; clones share their state.
#[derive(Debug, Clone)]
pub struct Verifier(Arc<VerifierInner>);

#[derive(Debug)]
struct VerifierInner {
    trust: Trust,
    revocations: Revocations,
    /// How many verified tokens are cached.
    cache_capacity: usize,
    clock: Arc<dyn Clock>,
    state: ArcSwap<VerifierState>,
    changes: watch::Sender<()>,
    counts: VerifiedCounts,
}

impl Verifier {
    /// A verifier without keys, which accepts no token until it has some. It caches about `cache_capacity` verified tokens
    /// (0: none), of about 1 KiB each, so that the signature of each token is checked once.
    #[must_use]
    pub fn new(
        trust: Trust,
        revocations: Revocations,
        cache_capacity: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let empty = VerifierState::new(KeySet::default(), cache_capacity);
        Self(Arc::new(VerifierInner {
            trust,
            revocations,
            cache_capacity,
            clock,
            state: ArcSwap::from_pointee(empty),
            changes: watch::Sender::new(()),
            counts: VerifiedCounts::default(),
        }))
    }

    /// Replaces the keys, and empties the cache of verified tokens. For an issuer that verifies its own tokens, and for tests:
    /// [`crate::feed`] calls it for everybody else.
    pub fn set_keys(&self, keys: KeySet) {
        if self.state().keys.set == keys {
            return;
        }
        let keys = Arc::new(CurrentKeys::new(keys, self.0.cache_capacity));
        self.replace(|state| VerifierState {
            keys: Arc::clone(&keys),
            ..state.clone()
        });
    }

    /// The claims of `token`, if it is one of the issuer's, is valid now, and is known not to be revoked, as far as a call of
    /// this purpose requires.
    ///
    /// # Errors
    /// The first of [`TokenError`] that applies, in the order that the crate's documentation gives.
    pub fn verify(&self, token: &str, purpose: Purpose) -> Result<Arc<Claims>, TokenError> {
        let state = self.state();
        let keys = &state.keys;
        if keys.set.is_empty() {
            return Err(self.error_without_keys());
        }
        let hash = keys.verified.hash(token);
        if let Some(cached) = keys.verified.find(token, hash) {
            self.0.counts.add_cached();
            self.check_time(&cached.claims)?;
            self.check_revocation(&state, &cached, purpose)?;
            return Ok(Arc::clone(&cached.claims));
        }
        let verified = self.check_signature(token, &state)?;
        self.0.counts.add_by_signature();
        self.check_time(&verified.claims)?;
        self.check_revocation(&state, &verified, purpose)?;
        let claims = Arc::clone(&verified.claims);
        keys.verified.insert(token, hash, verified);
        Ok(claims)
    }

    /// The claims of a token of the issuer, even if it has expired. It shows that its bearer was once signed in, and grants
    /// nothing.
    #[must_use]
    pub fn recognize(&self, token: &str) -> Option<Arc<Claims>> {
        let verified = self.check_signature(token, &self.state()).ok()?;
        match self.check_time(&verified.claims) {
            Ok(()) | Err(TokenError::Expired) => Some(verified.claims),
            Err(_not_yet) => None,
        }
    }

    /// The age of the revocations held, if it is above 2 s or above the strictest of the bounds. None for a verifier that does
    /// not follow a feed.
    #[must_use]
    pub fn staleness(&self) -> Option<Duration> {
        let Revocations::Followed(bounds) = self.0.revocations else {
            return None;
        };
        let age = self.state().feed.as_ref()?.age()?;
        (age > bounds.warning_age()).then_some(age)
    }

    /// Notifies of every change of what the verifier holds: keys, revocations, or the moment up to which they are complete.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.changes.subscribe()
    }

    /// Until when every valid token is accepted if the feed sends nothing more; none before keys and a proven snapshot.
    pub(super) fn fresh_until(&self) -> Option<Instant> {
        let Revocations::Followed(bounds) = self.0.revocations else {
            return None;
        };
        let state = self.state();
        let current_to = state.feed.as_ref()?.current_to?;
        (!state.keys.set.is_empty()).then(|| current_to + bounds.strictest())
    }

    pub(super) fn state(&self) -> Guard<Arc<VerifierState>> {
        self.0.state.load()
    }

    /// Replaces what the feed has published.
    pub(super) fn set_feed_state(&self, feed: &FeedState) {
        self.replace(|state| VerifierState {
            feed: Some(feed.clone()),
            ..state.clone()
        });
    }

    /// Records that the feed has ended.
    pub(super) fn interrupt_feed(&self) {
        self.replace(|state| {
            let mut state = state.clone();
            if let Some(feed) = &mut state.feed {
                feed.interrupted = true;
            }
            state
        });
    }

    fn replace(&self, change: impl Fn(&VerifierState) -> VerifierState) {
        self.0.state.rcu(|state| change(state));
        self.0.changes.send_replace(());
    }

    /// A verifier that follows a feed receives its keys from the feed.
    fn error_without_keys(&self) -> TokenError {
        match self.0.revocations {
            Revocations::Followed(_) => TokenError::Stale,
            Revocations::NotConsulted => TokenError::KeysUnavailable,
        }
    }

    /// Checks format, signature, issuer and audience.
    fn check_signature(
        &self,
        token: &str,
        state: &VerifierState,
    ) -> Result<VerifiedToken, TokenError> {
        let kid = key_id(token).ok_or(TokenError::Invalid)?;
        let key = state.keys.set.find(&kid);
        let key = key.ok_or_else(|| self.error_of_unknown_key(state))?;
        let claims = decode::<Claims>(token, key, &signature_only())
            .map_err(|_invalid| TokenError::Invalid)?
            .claims;
        if !has_text_claims(token)
            || claims.iss != self.0.trust.issuer
            || claims.aud != self.0.trust.audience
        {
            return Err(TokenError::Invalid);
        }
        Ok(VerifiedToken {
            claims: Arc::new(claims),
            kid,
        })
    }

    /// New keys arrive by the feed too. While it is silent or interrupted, an unknown key may be valid: the auth service starts
    /// to use a new key without waiting for a verifier that is not connected.
    fn error_of_unknown_key(&self, state: &VerifierState) -> TokenError {
        match (self.0.revocations, &state.feed) {
            (Revocations::NotConsulted, _) => TokenError::Invalid,
            (Revocations::Followed(_), Some(feed))
                if !feed.interrupted && !feed.is_older_than(SILENCE_TIMEOUT) =>
            {
                TokenError::Invalid
            }
            (Revocations::Followed(_), _) => TokenError::Stale,
        }
    }

    fn check_time(&self, claims: &Claims) -> Result<(), TokenError> {
        if claims.iat < 0 || claims.nbf < 0 || claims.exp < 0 {
            return Err(TokenError::Invalid);
        }
        // In milliseconds, so that no part of the leeway is lost.
        let now = self.0.clock.now().timestamp_millis();
        let leeway = i64::try_from(self.0.trust.leeway.as_millis());
        let leeway = leeway.expect("the leeway is at most 5 s");
        let millis = |seconds: i64| seconds.saturating_mul(1_000);
        let latest = now.saturating_add(leeway);
        if millis(claims.nbf) > latest || millis(claims.iat) > latest {
            return Err(TokenError::Invalid);
        }
        if millis(claims.exp) <= now.saturating_sub(leeway) {
            return Err(TokenError::Expired);
        }
        Ok(())
    }

    /// Checks that the token is not known to be revoked, and then that the revocations held are recent enough.
    fn check_revocation(
        &self,
        state: &VerifierState,
        token: &VerifiedToken,
        purpose: Purpose,
    ) -> Result<(), TokenError> {
        let Revocations::Followed(bounds) = self.0.revocations else {
            return Ok(());
        };
        let feed = state.feed.as_ref().ok_or(TokenError::Stale)?;
        if feed.revocations.revokes(&token.claims, &token.kid) {
            return Err(TokenError::Revoked);
        }
        if feed.is_older_than(bounds.bound(purpose)) {
            return Err(TokenError::Stale);
        }
        Ok(())
    }
}

/// The library checks only the signature. Its time checks would use the system's clock and a default leeway; [`Verifier`] checks
/// time, issuer and audience itself.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}
