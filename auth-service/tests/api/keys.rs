//! Shared by the tests of API keys: one function for each RPC.

use contract::proto::auth::{
    ApiKey, CreateApiKeyRequest, CreateApiKeyResponse, ExchangeApiKeyRequest,
    ExchangeApiKeyResponse, ListApiKeysRequest, RevokeApiKeyRequest, TokenPair,
};
use tonic::Status;

use crate::world::{PASSWORD, World, with_tokens};

/// A valid request.
pub(crate) fn key_request(scopes: &[&str]) -> CreateApiKeyRequest {
    CreateApiKeyRequest {
        display_name: "backend".to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expire_time: None,
        current_password: PASSWORD.to_owned(),
    }
}

pub(crate) async fn create(
    world: &World,
    tokens: &TokenPair,
    key_request: CreateApiKeyRequest,
) -> Result<CreateApiKeyResponse, Status> {
    let request = with_tokens(tokens, key_request);
    Ok(world
        .account
        .clone()
        .create_api_key(request)
        .await?
        .into_inner())
}

pub(crate) async fn list(world: &World, tokens: &TokenPair) -> Result<Vec<ApiKey>, Status> {
    let request = with_tokens(tokens, ListApiKeysRequest {});
    let answer = world.account.clone().list_api_keys(request).await?;
    Ok(answer.into_inner().api_keys)
}

pub(crate) async fn revoke(world: &World, tokens: &TokenPair, id: &str) -> Result<(), Status> {
    let request = with_tokens(tokens, RevokeApiKeyRequest { id: id.to_owned() });
    world.account.clone().revoke_api_key(request).await?;
    Ok(())
}

pub(crate) async fn exchange(world: &World, key: &str) -> Result<ExchangeApiKeyResponse, Status> {
    let request = ExchangeApiKeyRequest {
        api_key: key.to_owned(),
    };
    Ok(world
        .auth
        .clone()
        .exchange_api_key(request)
        .await?
        .into_inner())
}
