//! The RPCs of signing keys.

use std::time::Duration;

use api::time::timestamp;
use contract::proto::auth::{
    self, GetJsonWebKeySetRequest, GetJsonWebKeySetResponse, ListSigningKeysRequest,
    ListSigningKeysResponse, RotateSigningKeyRequest, RotateSigningKeyResponse,
};
use serving::caller::{anonymous, authenticated};
use tonic::{Request, Response, Status};
use verifier::PublicKey;

use super::{
    KeyAdmin,
    issuer::TokenIssuer,
    store::{KeyState, StoredKey},
};

/// How long clients may cache the published keys: as long as an access token lives by default.
const KEYS_MAX_AGE: Duration = Duration::from_mins(5);

impl TokenIssuer {
    pub(crate) fn get_json_web_key_set_rpc(
        &self,
        request: Request<GetJsonWebKeySetRequest>,
    ) -> Result<Response<GetJsonWebKeySetResponse>, Status> {
        let (_call, GetJsonWebKeySetRequest {}) = anonymous(request)?;
        let published = self.keys.published()?;
        let max_age = prost_types::Duration::try_from(KEYS_MAX_AGE).expect("five minutes fit");
        Ok(Response::new(GetJsonWebKeySetResponse {
            keys: published.iter().map(json_web_key).collect(),
            max_age: Some(max_age),
            issuer: self.profile.issuer.clone(),
        }))
    }
}

impl KeyAdmin {
    pub(crate) async fn list_signing_keys_rpc(
        &self,
        request: Request<ListSigningKeysRequest>,
    ) -> Result<Response<ListSigningKeysResponse>, Status> {
        let (caller, call, ListSigningKeysRequest {}) = authenticated(request)?;
        let keys = self.list(caller, &call).await?;
        Ok(Response::new(ListSigningKeysResponse {
            keys: keys.iter().map(Into::into).collect(),
        }))
    }

    pub(crate) async fn rotate_signing_key_rpc(
        &self,
        request: Request<RotateSigningKeyRequest>,
    ) -> Result<Response<RotateSigningKeyResponse>, Status> {
        let (caller, call, RotateSigningKeyRequest {}) = authenticated(request)?;
        let key = self.rotate(caller, &call).await?;
        Ok(Response::new(RotateSigningKeyResponse {
            key: Some((&key).into()),
        }))
    }
}

/// The JSON Web Key of a public key (RFC 7517, RFC 8037).
pub(crate) fn json_web_key(key: &PublicKey) -> auth::JsonWebKey {
    auth::JsonWebKey {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: key.x.clone(),
        kid: key.kid.clone(),
        alg: "EdDSA".to_owned(),
        r#use: "sig".to_owned(),
    }
}

impl From<&StoredKey> for auth::SigningKey {
    fn from(key: &StoredKey) -> Self {
        Self {
            kid: key.kid.clone(),
            state: auth::SigningKeyState::from(key.state()).into(),
            create_time: Some(timestamp(key.create_time)),
            activate_time: key.activate_time.map(timestamp),
            retire_time: key.retire_time.map(timestamp),
        }
    }
}

impl From<KeyState> for auth::SigningKeyState {
    fn from(state: KeyState) -> Self {
        match state {
            KeyState::Next => Self::Next,
            KeyState::Active => Self::Active,
            KeyState::Retired => Self::Retired,
        }
    }
}
