//! The check of an access token (RFC 8725, RFC 9068 section 4).

mod observed;

use std::{sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};
use jsonwebtoken::{Algorithm, Validation, decode};
use tokio::{sync::watch, time::Instant};

use self::observed::Found;
use super::{
    Claims, Freshness, KeySet, Purpose, TokenError,
    cache::Known,
    form::{is_text, key_id},
    freshness::SILENCE,
    knowledge::{Held, Keys, Knowledge},
};
use clock::Clock;

/// Whose tokens are accepted.
#[derive(Debug, Clone)]
pub struct Trust {
    /// `iss`, compared exactly.
    pub issuer: String,
    /// `aud`, compared exactly.
    pub audience: String,
    /// How far clocks may be apart; at most 5 s.
    pub leeway: Duration,
}

/// Whether a verifier knows what has been revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocations {
    /// It holds what the feed tells, and refuses when that is older than these bounds. Until [`super::feed`] has brought a
    /// snapshot it refuses every token.
    Followed(Freshness),
    /// It does not: a revoked token is accepted until it expires. For the issuer, whose methods ask the database, and for
    /// tests.
    NotConsulted,
}

/// Checks access tokens against what it holds, without waiting for anyone. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Verifier(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    trust: Trust,
    revocations: Revocations,
    /// How many verified tokens are remembered.
    remembered: usize,
    clock: Arc<dyn Clock>,
    known: ArcSwap<Knowledge>,
    changes: watch::Sender<()>,
    found: Found,
}

impl Verifier {
    /// A verifier without keys, which accepts nothing until it is given some. It remembers about `remembered` verified
    /// tokens (0: none), of about 1 KiB each, so that a signature is checked once for each.
    #[must_use]
    pub fn new(
        trust: Trust,
        revocations: Revocations,
        remembered: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let nothing = Knowledge::of(KeySet::default(), remembered);
        Self(Arc::new(Shared {
            trust,
            revocations,
            remembered,
            clock,
            known: ArcSwap::from_pointee(nothing),
            changes: watch::Sender::new(()),
            found: Found::default(),
        }))
    }

    /// Replaces the keys, and forgets every token that was verified with others.
    pub fn set_keys(&self, keys: KeySet) {
        if self.known().keys.set == keys {
            return;
        }
        let keys = Arc::new(Keys::new(keys, self.0.remembered));
        self.replace(|known| Knowledge {
            keys: Arc::clone(&keys),
            ..known.clone()
        });
    }

    /// The claims of `token`, if it is one of ours, its time has come and is not over, and it is known not to be revoked,
    /// as far as a call of this purpose needs.
    pub fn verify(&self, token: &str, purpose: Purpose) -> Result<Arc<Claims>, TokenError> {
        let known = self.known();
        let keys = &known.keys;
        if keys.set.is_empty() {
            return Err(self.without_keys());
        }
        let place = keys.verified.place(token);
        if let Some(found) = keys.verified.find(token, place) {
            self.0.found.in_memory();
            self.in_time(&found.claims)?;
            self.in_force(&known, &found, purpose)?;
            return Ok(Arc::clone(&found.claims));
        }
        let signed = self.signed(token, &known)?;
        self.0.found.by_signature();
        self.in_time(&signed.claims)?;
        self.in_force(&known, &signed, purpose)?;
        let claims = Arc::clone(&signed.claims);
        keys.verified.remember(token, place, signed);
        Ok(claims)
    }

    /// The claims of a token that is one of ours, even if its time is over: it shows that whoever has it was once let in,
    /// and opens nothing.
    #[must_use]
    pub fn recognize(&self, token: &str) -> Option<Arc<Claims>> {
        let signed = self.signed(token, &self.known()).ok()?;
        match self.in_time(&signed.claims) {
            Ok(()) | Err(TokenError::Expired) => Some(signed.claims),
            Err(_not_yet) => None,
        }
    }

    /// How old the knowledge of what is revoked is, if that is more than usual: 2 s, or the strictest of the bounds.
    /// Never for a verifier that does not follow a feed.
    #[must_use]
    pub fn staleness(&self) -> Option<Duration> {
        let Revocations::Followed(bounds) = self.0.revocations else {
            return None;
        };
        let age = self.known().held.as_ref()?.age()?;
        (age > bounds.noticeable()).then_some(age)
    }

    /// Changes whenever what the verifier holds does: keys, revocations, or the moment up to which they are complete.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.changes.subscribe()
    }

    /// Until when every good token is accepted even if the feed is not heard again; none if it has not brought enough yet.
    pub(super) fn fresh_until(&self) -> Option<Instant> {
        let Revocations::Followed(bounds) = self.0.revocations else {
            return None;
        };
        let known = self.known();
        let current_to = known.held.as_ref()?.current_to?;
        (!known.keys.set.is_empty()).then(|| current_to + bounds.strictest())
    }

    pub(super) fn known(&self) -> Guard<Arc<Knowledge>> {
        self.0.known.load()
    }

    /// Replaces what the feed has told.
    pub(super) fn hold(&self, held: &Held) {
        self.replace(|known| Knowledge {
            held: Some(held.clone()),
            ..known.clone()
        });
    }

    /// Notes that the feed has ended.
    pub(super) fn interrupt(&self) {
        self.replace(|known| {
            let mut known = known.clone();
            if let Some(held) = &mut known.held {
                held.interrupted = true;
            }
            known
        });
    }

    fn replace(&self, change: impl Fn(&Knowledge) -> Knowledge) {
        self.0.known.rcu(|known| change(known));
        self.0.changes.send_replace(());
    }

    /// One that follows a feed gets its keys from there.
    fn without_keys(&self) -> TokenError {
        match self.0.revocations {
            Revocations::Followed(_) => TokenError::Stale,
            Revocations::NotConsulted => TokenError::KeysUnavailable,
        }
    }

    /// Form, signature, issuer and audience.
    fn signed(&self, token: &str, known: &Knowledge) -> Result<Known, TokenError> {
        let kid = key_id(token).ok_or(TokenError::Invalid)?;
        let key = known.keys.set.find(&kid);
        let key = key.ok_or_else(|| self.unknown_key(known))?;
        let claims = decode::<Claims>(token, key, &signature_only())
            .map_err(|_not_ours| TokenError::Invalid)?
            .claims;
        if !is_text(token)
            || claims.iss != self.0.trust.issuer
            || claims.aud != self.0.trust.audience
        {
            return Err(TokenError::Invalid);
        }
        Ok(Known {
            claims: Arc::new(claims),
            kid,
        })
    }

    /// New keys come by the feed too: while it is silent or interrupted, one that is not known may be good. Nobody waits
    /// with a new key for a verifier that is not connected.
    fn unknown_key(&self, known: &Knowledge) -> TokenError {
        match (self.0.revocations, &known.held) {
            (Revocations::NotConsulted, _) => TokenError::Invalid,
            (Revocations::Followed(_), Some(held))
                if !held.interrupted && !held.is_older_than(SILENCE) =>
            {
                TokenError::Invalid
            }
            (Revocations::Followed(_), _) => TokenError::Stale,
        }
    }

    fn in_time(&self, claims: &Claims) -> Result<(), TokenError> {
        if claims.iat < 0 || claims.nbf < 0 || claims.exp < 0 {
            return Err(TokenError::Invalid);
        }
        let now = self.0.clock.now().timestamp();
        let leeway = i64::try_from(self.0.trust.leeway.as_secs());
        let leeway = leeway.expect("the leeway is at most 5 s");
        if claims.nbf > now.saturating_add(leeway) || claims.iat > now.saturating_add(leeway) {
            return Err(TokenError::Invalid);
        }
        if claims.exp <= now.saturating_sub(leeway) {
            return Err(TokenError::Expired);
        }
        Ok(())
    }

    /// Not revoked, as far as is known; then, whether that is known well enough.
    fn in_force(
        &self,
        known: &Knowledge,
        token: &Known,
        purpose: Purpose,
    ) -> Result<(), TokenError> {
        let Revocations::Followed(bounds) = self.0.revocations else {
            return Ok(());
        };
        let held = known.held.as_ref().ok_or(TokenError::Stale)?;
        if held.revocations.revokes(&token.claims, &token.kid) {
            return Err(TokenError::Revoked);
        }
        if held.is_older_than(bounds.bound(purpose)) {
            return Err(TokenError::Stale);
        }
        Ok(())
    }
}

/// Time, issuer and audience are checked by [`Verifier::in_time`] and [`Verifier::signed`], on our clock and without a silent leeway.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}
