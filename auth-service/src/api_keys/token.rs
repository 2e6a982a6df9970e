//! Access tokens of API keys.

use api::ids::uuid_at;
use chrono::{DateTime, Utc};

use super::{domain::KeyScopes, store::KeyGrant};
use crate::{
    error::Error,
    signing_keys::issuer::{Grant, TokenIssuer},
};

/// `client_id` of the tokens that keys are exchanged for.
const CLIENT_ID: &str = "api-key";

/// The token that a backend gets for its key.
#[derive(Debug, Clone)]
pub(crate) struct ExchangedToken {
    pub(crate) access_token: String,
    pub(crate) expire_time: DateTime<Utc>,
    pub(crate) scopes: KeyScopes,
}

impl ExchangedToken {
    /// The access token of a key. It expires no later than the key.
    pub(crate) fn issue(
        issuer: &TokenIssuer,
        key: KeyGrant,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let signer = issuer.signer()?;
        let grant = Grant {
            account_id: key.account_id,
            session_id: key.id.into(),
            epoch: key.epoch,
            scope: key.scopes.as_str().to_owned(),
        };
        // This response is never repeated, so the id may be random.
        let id = uuid_at(now);
        let [.., entropy] = id.into_bytes();
        let jti = id.simple().to_string();
        let mut claims = issuer.claims(grant, now, entropy, jti, CLIENT_ID.to_owned());
        claims.exp = claims.exp.min(key.expire_time.timestamp());
        Ok(Self {
            access_token: signer.sign(&claims),
            expire_time: DateTime::from_timestamp(claims.exp, 0)
                .expect("a token expires within the range of the calendar"),
            scopes: key.scopes,
        })
    }
}
