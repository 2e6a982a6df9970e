//! Access tokens of API keys.

use chrono::{DateTime, Utc};
use shared::{ids::uuid_at, token::Claims};

use super::Mint;
use crate::{domain::KeyScopes, error::Error, signing::jittered, store::api_key::Grant};

/// `client_id` of the tokens that keys are exchanged for.
const CLIENT_ID: &str = "api-key";

/// What a backend gets for its key.
#[derive(Debug, Clone)]
pub(crate) struct Exchanged {
    pub(crate) access_token: String,
    pub(crate) expire_time: DateTime<Utc>,
    pub(crate) scopes: KeyScopes,
}

impl Mint {
    /// The access token of a key. It never outlives the key.
    pub(crate) fn exchanged(&self, grant: Grant, now: DateTime<Utc>) -> Result<Exchanged, Error> {
        let signer = self.keys.signer()?;
        let iat = now.timestamp();
        // There is no answer to give again, so the id need not follow from anything.
        let id = uuid_at(now);
        let [.., last] = id.into_bytes();
        let lifetime = jittered(self.profile.access_ttl, last);
        let lifetime = i64::try_from(lifetime.as_secs()).expect("a token lives at most an hour");
        let exp = (iat + lifetime).min(grant.expire_time.timestamp());
        let claims = Claims {
            iss: self.profile.issuer.clone(),
            aud: self.profile.audience.clone(),
            sub: grant.account_id,
            sid: grant.id.into(),
            ep: grant.epoch,
            scope: grant.scopes.as_str().to_owned(),
            client_id: CLIENT_ID.to_owned(),
            iat,
            nbf: iat,
            exp,
            jti: id.simple().to_string(),
        };
        Ok(Exchanged {
            access_token: signer.sign(&claims),
            expire_time: DateTime::from_timestamp(exp, 0)
                .expect("a token does not outlive the calendar"),
            scopes: grant.scopes,
        })
    }
}
