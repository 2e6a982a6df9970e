//! Makes token pairs. The same session and generation give the same pair, byte for byte, so that an answer that was lost
//! can be given again without having been stored. When another key signs meanwhile, the refresh token of that answer is
//! still the same, and its access token is made anew with the key of now.

mod exchanged;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    ids::SessionId,
    token::{Claims, Scope, Scopes},
};

use crate::{
    error::Error,
    refresh_token::{KeyRing, RefreshToken},
    signing::{Signer, jittered},
    signing_keys::SigningKeys,
    store::{ADMIN, session::Standing},
};

pub(crate) use exchanged::Exchanged;

/// What every access token of this service says.
#[derive(Debug, Clone)]
pub struct Profile {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// `client_id`.
    pub client_id: String,
    /// Longest life of an access token; each is up to 5 % shorter, so that clients do not refresh in step.
    pub access_ttl: Duration,
}

/// What a signed-in client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) access_token: String,
    pub(crate) access_token_expire_time: DateTime<Utc>,
    pub(crate) refresh_token: String,
    pub(crate) idle_deadline: DateTime<Utc>,
    pub(crate) absolute_deadline: DateTime<Utc>,
    pub(crate) session_id: SessionId,
}

/// Signs access tokens and seals refresh tokens.
#[derive(Debug)]
pub(crate) struct Mint {
    profile: Profile,
    keys: SigningKeys,
    ring: KeyRing,
}

impl Mint {
    /// A mint that signs with the key that is active when it signs.
    pub(crate) const fn new(profile: Profile, keys: SigningKeys, ring: KeyRing) -> Self {
        Self {
            profile,
            keys,
            ring,
        }
    }

    /// The keys it signs with.
    pub(crate) const fn signing_keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// Whether it can sign now: to be asked before anything is written that ends in a token.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.keys.signer().map(|_signs| ())
    }

    /// The keys that refresh tokens are sealed with.
    pub(crate) const fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The pair of a session whose current refresh token is `token`.
    ///
    /// The access token is the one of the rotation; past half of its life a fresh one, since a retry that comes hours later
    /// has no use for an old one.
    pub(crate) fn pair(
        &self,
        session: &Standing,
        token: &RefreshToken,
        now: DateTime<Utc>,
    ) -> Result<Pair, Error> {
        let signer = self.keys.signer()?;
        let mut claims = self.claims(&signer, session, session.rotate_time);
        let half_life = TimeDelta::seconds((claims.exp - claims.iat) / 2);
        if now - session.rotate_time > half_life {
            claims = self.claims(&signer, session, now);
        }
        Ok(Pair {
            access_token: signer.sign(&claims),
            access_token_expire_time: DateTime::from_timestamp(claims.exp, 0)
                .expect("a token does not outlive the calendar"),
            refresh_token: self.ring.encode(token),
            idle_deadline: session.idle_deadline,
            absolute_deadline: session.absolute_deadline,
            session_id: session.session_id,
        })
    }

    fn claims(&self, signer: &Signer, session: &Standing, issued: DateTime<Utc>) -> Claims {
        let iat = issued.timestamp();
        let id = signer.token_id([
            session.session_id.uuid().as_bytes(),
            &session.generation.to_be_bytes(),
            &iat.to_be_bytes(),
        ]);
        let lifetime = jittered(self.profile.access_ttl, id[0]);
        let lifetime = i64::try_from(lifetime.as_secs()).expect("a token lives at most an hour");
        Claims {
            iss: self.profile.issuer.clone(),
            aud: self.profile.audience.clone(),
            sub: session.account_id,
            sid: session.session_id,
            ep: session.epoch,
            scope: scopes(session.role).to_string(),
            client_id: self.profile.client_id.clone(),
            iat,
            nbf: iat,
            exp: iat + lifetime,
            jti: format!("{:032x}", u128::from_be_bytes(id)),
        }
    }
}

/// What the tokens of a session may do, by its account's role.
const fn scopes(role: i16) -> Scopes {
    if role == ADMIN {
        Scopes::SESSION.with(Scope::Admin)
    } else {
        Scopes::SESSION
    }
}
