//! The messages of API keys, in and out.

use chrono::{DateTime, Utc};
use shared::{
    ids::ApiKeyId,
    proto::auth::{
        self, CreateApiKeyRequest, CreateApiKeyResponse, ExchangeApiKeyResponse,
        RevokeApiKeyRequest,
    },
    refusal::Violations,
};

use super::messages::timestamp;
use crate::{
    api_keys::Wish,
    domain::{DisplayName, KeyEnd, KeyScopes},
    error::Error,
    store::api_key::ApiKey,
    tokens::Exchanged,
};

pub(super) fn create(message: &CreateApiKeyRequest, now: DateTime<Utc>) -> Result<Wish, Error> {
    let CreateApiKeyRequest {
        display_name,
        scopes,
        expire_time,
    } = message;
    let mut violations = Violations::default();
    let display_name = violations.take("display_name", DisplayName::parse(display_name));
    let scopes = KeyScopes::parse("scopes", scopes, &mut violations);
    let end = violations.take("expire_time", KeyEnd::parse(expire_time.as_ref(), now));
    let build = || {
        Some(Wish {
            display_name: display_name?,
            scopes: scopes?,
            end: end?,
        })
    };
    violations.finish(build).map_err(Error::FieldInvalid)
}

pub(super) fn revoke(message: &RevokeApiKeyRequest) -> Result<ApiKeyId, Error> {
    let RevokeApiKeyRequest { id } = message;
    ApiKeyId::parse(id).map_err(|problem| Error::field("id", problem))
}

pub(super) fn created((api_key, secret): (ApiKey, String)) -> CreateApiKeyResponse {
    CreateApiKeyResponse {
        api_key: Some(shown(&api_key)),
        secret,
    }
}

pub(super) fn shown(key: &ApiKey) -> auth::ApiKey {
    auth::ApiKey {
        id: key.id.to_string(),
        display_name: key.display_name.as_str().to_owned(),
        scopes: key.scopes.names(),
        create_time: Some(timestamp(key.create_time)),
        expire_time: Some(timestamp(key.expire_time)),
        last_use_time: key.last_use_time.map(timestamp),
    }
}

pub(super) fn exchanged(exchanged: Exchanged) -> ExchangeApiKeyResponse {
    ExchangeApiKeyResponse {
        access_token: exchanged.access_token,
        access_token_expire_time: Some(timestamp(exchanged.expire_time)),
        scopes: exchanged.scopes.names(),
    }
}
