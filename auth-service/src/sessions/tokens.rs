//! The tokens of a session. The same session and generation give the same pair, byte for byte, so that a lost response can be
//! repeated without having been stored. If another key signs meanwhile, the refresh token of the repeated response is still
//! the same, and its access token is signed with the new key.

use std::sync::Arc;

use api::ids::SessionId;
use chrono::{DateTime, TimeDelta, Utc};
use verifier::{Claims, Scope, Scopes};

use super::{domain::SessionState, refresh_token::RefreshToken};
use crate::{
    accounts::domain::Role,
    error::Error,
    key_ring::KeyRing,
    signing_keys::{
        issuer::{Grant, TokenIssuer},
        signer::Signer,
    },
};

/// The tokens that a signed-in client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenPair {
    pub(crate) access_token: String,
    /// When this pair was answered.
    pub(crate) now: DateTime<Utc>,
    pub(crate) access_token_expire_time: DateTime<Utc>,
    pub(crate) refresh_token: String,
    pub(crate) idle_deadline: DateTime<Utc>,
    pub(crate) absolute_deadline: DateTime<Utc>,
    pub(crate) session_id: SessionId,
}

/// Makes the tokens of sessions.
#[derive(Debug)]
pub(crate) struct SessionTokens {
    pub(crate) issuer: Arc<TokenIssuer>,
    /// The keys that seal refresh tokens.
    pub(crate) ring: Arc<KeyRing>,
}

impl SessionTokens {
    /// Fails when no token can be signed now. It is called before anything is written that ends in a token.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.issuer.signer().map(|_signer| ())
    }

    /// The pair of a session whose current refresh token is `token`.
    ///
    /// The access token is the one of the last rotation. After half of its life it is a new one, because a retry that comes
    /// hours later cannot use an old one.
    pub(crate) fn pair(
        &self,
        session: &SessionState,
        token: &RefreshToken,
        now: DateTime<Utc>,
    ) -> Result<TokenPair, Error> {
        let signer = self.issuer.signer()?;
        let mut claims = self.claims(&signer, session, session.rotate_time);
        let half_life = TimeDelta::seconds((claims.exp - claims.iat) / 2);
        if now - session.rotate_time > half_life {
            claims = self.claims(&signer, session, now);
        }
        Ok(TokenPair {
            access_token: signer.sign(&claims),
            now,
            access_token_expire_time: DateTime::from_timestamp(claims.exp, 0)
                .expect("a token expires within the range of the calendar"),
            refresh_token: self.ring.encode(token),
            idle_deadline: session.idle_deadline,
            absolute_deadline: session.absolute_deadline,
            session_id: session.session_id,
        })
    }

    fn claims(&self, signer: &Signer, session: &SessionState, issued: DateTime<Utc>) -> Claims {
        let id = signer.token_id([
            session.session_id.uuid().as_bytes(),
            &session.generation.to_be_bytes(),
            &issued.timestamp().to_be_bytes(),
        ]);
        let grant = Grant {
            account_id: session.account_id,
            session_id: session.session_id,
            epoch: session.epoch,
            scope: scopes(session.role).to_string(),
        };
        self.issuer.session_claims(grant, issued, id)
    }
}

/// The scopes of the tokens of a session, by the role of its account.
const fn scopes(role: Role) -> Scopes {
    match role {
        Role::User => Scopes::SESSION,
        Role::Admin => Scopes::SESSION.with(Scope::Admin),
    }
}
