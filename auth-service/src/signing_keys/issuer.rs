//! The claims of access tokens, and the key that signs them now.

use std::{sync::Arc, time::Duration};

use api::ids::{SessionId, UserId};
use chrono::{DateTime, Utc};
use verifier::Claims;

use super::{
    SigningKeys,
    signer::{Signer, jittered},
};
use crate::error::Error;

/// What every access token of this service says.
#[derive(Debug, Clone)]
pub struct Profile {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// `client_id` of the tokens of sessions.
    pub client_id: String,
    /// Longest life of an access token. Each is up to 5 % shorter, so that clients do not refresh all at once.
    pub access_ttl: Duration,
}

/// Who an access token is for and what it permits.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) account_id: UserId,
    /// `sid`: a session or an API key.
    pub(crate) session_id: SessionId,
    /// Of the account.
    pub(crate) epoch: i64,
    pub(crate) scope: String,
}

/// Makes the claims of access tokens.
#[derive(Debug)]
pub(crate) struct TokenIssuer {
    pub(crate) profile: Profile,
    pub(crate) keys: SigningKeys,
}

impl TokenIssuer {
    /// The key that signs now.
    pub(crate) fn signer(&self) -> Result<Arc<Signer>, Error> {
        self.keys.signer()
    }

    /// The claims of a token of a session. Its id is also the random value that shortens its life.
    pub(crate) fn session_claims(
        &self,
        grant: Grant,
        issued: DateTime<Utc>,
        id: [u8; 16],
    ) -> Claims {
        let jti = format!("{:032x}", u128::from_be_bytes(id));
        self.claims(grant, issued, id[0], jti, self.profile.client_id.clone())
    }

    /// The claims of a token for a client with another id.
    pub(crate) fn claims(
        &self,
        grant: Grant,
        issued: DateTime<Utc>,
        entropy: u8,
        jti: String,
        client_id: String,
    ) -> Claims {
        let iat = issued.timestamp();
        let lifetime = jittered(self.profile.access_ttl, entropy);
        let lifetime = i64::try_from(lifetime.as_secs()).expect("a token lives an hour at most");
        Claims {
            iss: self.profile.issuer.clone(),
            aud: self.profile.audience.clone(),
            sub: grant.account_id,
            sid: grant.session_id,
            ep: grant.epoch,
            scope: grant.scope,
            client_id,
            iat,
            nbf: iat,
            exp: iat + lifetime,
            jti,
        }
    }
}
